//! The stylesheet, the script and the icon, compiled in. Their addresses carry a hash of what they hold,
//! so browsers keep them for good.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use bough_control::model::Digest;

/// Digits of the hash in an address.
const HASH_DIGITS: usize = 16;

struct Asset {
    address: String,
    kind: &'static str,
    bytes: &'static [u8],
}

/// What pages are shown with.
pub(crate) struct Assets {
    css: Asset,
    js: Asset,
    console: Asset,
    icon: Asset,
}

impl Asset {
    fn new(name: &str, extension: &str, kind: &'static str, bytes: &'static [u8]) -> Self {
        let hash = Digest::of(bytes).to_hex();
        Self { address: format!("/assets/{name}.{}.{extension}", &hash[..HASH_DIGITS]), kind, bytes }
    }
}

impl Assets {
    pub(crate) fn new() -> Self {
        Self {
            css: Asset::new("bough", "css", "text/css; charset=utf-8", include_bytes!("../assets/bough.css")),
            js: Asset::new(
                "bough",
                "js",
                "text/javascript; charset=utf-8",
                include_bytes!("../assets/bough.js"),
            ),
            console: Asset::new(
                "console",
                "js",
                "text/javascript; charset=utf-8",
                include_bytes!("../assets/console.js"),
            ),
            icon: Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../assets/icon.svg")),
        }
    }

    pub(crate) fn css(&self) -> &str {
        &self.css.address
    }

    pub(crate) fn js(&self) -> &str {
        &self.js.address
    }

    /// The script of the console's page, beside the one of all pages.
    pub(crate) fn console(&self) -> &str {
        &self.console.address
    }

    pub(crate) fn icon(&self) -> &str {
        &self.icon.address
    }

    /// The asset at an address.
    pub(crate) fn serve(&self, path: &str) -> Option<Response<Body>> {
        let asset = [&self.css, &self.js, &self.console, &self.icon]
            .into_iter()
            .find(|asset| asset.address == path)?;
        let mut response = Response::new(Body::from(asset.bytes));
        *response.status_mut() = StatusCode::OK;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
        headers
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Some(response)
    }
}
