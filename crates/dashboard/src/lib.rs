//! The HTML door: pages and forms for people, over the same actions as the JSON door.
//!
//! A request goes one way: [`pages`] names the page and the operation that is decided, [`door`] finds the
//! session, locates, decides, reads the form and checks that it was made here; a feature's `routes` call
//! one action, its `view` says what is shown. No rule lives in a page: what somebody may is the policy's
//! to say, in the same table as for service tokens.

mod answer;
mod asked;
mod assets;
mod chart;
mod cookies;
mod door;
mod figures;
mod form;
mod layout;
mod live;
mod pages;
mod problem;
mod turns;
mod visit;

mod account;
mod branches;
mod console;
mod databases;
mod login;
mod palette;
mod passwords;
mod reference;
mod service_tokens;
mod settings;

use std::sync::Arc;

use axum::Router;
use bough_control::ControlPlane;
use tokio::sync::watch;

pub use pages::{Entry, PAGES};

/// What the binary knows and pages need.
#[derive(Clone, Debug)]
pub struct Options {
    /// Our description of the API, which the reference page is made of.
    pub openapi: serde_json::Value,
    /// Becomes true when the server is told to stop: what is kept open for live pages ends then.
    pub stopping: watch::Receiver<bool>,
    /// Requests for pages in a minute and person; 0 for no limit.
    pub rate_limit_per_minute: u32,
}

/// The door, with all that its handlers need.
pub(crate) struct Dashboard {
    plane: Arc<ControlPlane>,
    reference: reference::Reference,
    /// The operations that the API answers.
    served: Vec<bough_policy::Operation>,
    stopping: watch::Receiver<bool>,
    assets: assets::Assets,
    turns: turns::Turns,
    /// Whether browsers reach it by https: cookies are for that alone then.
    secure: bool,
}

/// All pages, for a server to mount beside the API.
pub fn router(plane: Arc<ControlPlane>, options: Options) -> Router {
    let secure = plane.settings().addresses.public_url.starts_with("https://");
    let reference = reference::Reference::new(&options.openapi, &plane.settings().addresses.public_url);
    let house = Arc::new(Dashboard {
        plane,
        served: service_tokens::served(&options.openapi),
        reference,
        stopping: options.stopping,
        assets: assets::Assets::new(),
        turns: turns::Turns::new(options.rate_limit_per_minute),
        secure,
    });
    pages::router(&house)
}
