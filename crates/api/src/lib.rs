//! The JSON door: HTTP in, actions of the control plane, JSON out.
//!
//! A request goes one way: [`server`] accepts it, [`dispatch`] authenticates, limits, locates and
//! decides, then reads the body; a feature's `routes` call one action; its `shape` makes the answer.
//! [`respond`] is the one place where an error becomes a status. Method and path of a route come
//! from the policy's table; an operation without a handler in [`routes`] has no route.

mod authenticate;
mod body;
mod dispatch;
mod input;
mod metrics;
mod openapi;
mod page;
mod rate;
mod refused;
mod respond;
mod routes;
mod seats;
mod server;
mod shape;
mod summary;

mod audit;
mod avatar;
mod branches;
mod connections;
mod databases;
mod figures;
mod organizations;
mod passwords;
mod service_tokens;

use std::sync::Arc;

use bough_control::ControlPlane;

pub use metrics::{OtherFigure, OtherFigures};
pub use openapi::openapi;
pub use server::{ServeError, Server};

/// What the operator has decided about the door itself.
#[derive(Clone, Debug)]
pub struct Options {
    /// Requests per minute and principal; 0 lifts the limit.
    pub rate_limit_per_minute: u32,
    /// Connections held at once. Beyond them, those whose clients are waited for give way.
    pub connections_max: usize,
    /// Of these, how many one address may hold; 0 lifts the limit.
    pub connections_per_address: usize,
    /// Figures that are told with the API's own at `/metrics`.
    pub other_figures: OtherFigures,
}

/// The door, with all that its handlers need.
pub(crate) struct Api {
    plane: Arc<ControlPlane>,
    rate: rate::RateLimit,
    metrics: metrics::Metrics,
    other_figures: OtherFigures,
    seats: Arc<seats::Seats>,
    bodies: body::Bodies,
}
