//! Texts that come in headers, paths and forms.

use bough_model::{
    BranchName, Cidrs, ClusterSizeName, DatabaseName, OrganizationName, TimeZoneName, TokenId, TokenPrefix,
    Username, holds_secret, mask, parse_authorization, without_secrets,
};

/// The `Authorization` header.
pub fn authorization(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        let _ = std::hint::black_box(parse_authorization(&TokenPrefix::contract(), text));
    }
}

/// Names, ids, addresses, times; and what may be repeated of them.
pub fn texts(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(cidrs) = Cidrs::parse(text.split(',')) {
        let written = cidrs.to_texts();
        assert_eq!(Cidrs::parse(written.iter().map(String::as_str)), Ok(cidrs), "written as it was read");
    }
    for name in [
        DatabaseName::parse(text).ok().map(|name| name.as_str().to_owned()),
        BranchName::parse(text).ok().map(|name| name.as_str().to_owned()),
        OrganizationName::parse(text).ok().map(|name| name.as_str().to_owned()),
        Username::parse(text).map(|name| name.as_str().to_owned()),
        TokenId::parse(text).map(|id| id.as_str().to_owned()),
    ]
    .into_iter()
    .flatten()
    {
        assert_eq!(name, text);
    }
    let _ = std::hint::black_box((ClusterSizeName::parse(text), TimeZoneName::parse(text)));
    let prefix = "pscale_tkn_";
    let _ = std::hint::black_box(mask(text, prefix));
    assert!(!holds_secret(&without_secrets(text, prefix)), "a secret is left");
}
