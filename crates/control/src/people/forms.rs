//! What a form carries to show that a page of ours asked for it: a MAC of the session, or, before there is
//! one, of a random cookie. Nobody else can make one, and that of another session is none.

use bough_model::{Digest, Secret, SessionId};

use crate::ControlPlane;
use crate::random::secret_text;

/// What a form belongs to.
#[derive(Clone, Copy, Debug)]
pub enum FormOf<'a> {
    /// A session.
    Session(&'a SessionId),
    /// Somebody without one: the random value of a cookie that he was given.
    Visitor(&'a str),
}

impl ControlPlane {
    /// What a form carries: 64 characters.
    pub fn form_token(&self, of: FormOf<'_>) -> String {
        self.form_mac(of).to_hex()
    }

    /// Whether a form carries what it should; takes as long whether it does or not.
    pub fn is_form_token(&self, of: FormOf<'_>, given: &str) -> bool {
        // Both as digests: those are compared in constant time, whatever is given.
        let wanted = Digest::of(self.form_token(of).as_bytes());
        wanted.matches(&Digest::of(given.as_bytes()))
    }

    fn form_mac(&self, of: FormOf<'_>) -> Digest {
        let (kind, value) = match of {
            FormOf::Session(id) => ("session", id.as_str()),
            FormOf::Visitor(value) => ("visitor", value),
        };
        Digest::from_bytes(self.keys.forms().mac(&[kind.as_bytes(), value.as_bytes()]))
    }

    /// 32 random bytes as 64 characters: for a cookie, or for what a form may be sent with only once.
    pub fn fresh_secret(&self) -> Secret<String> {
        secret_text()
    }
}
