//! Which page is at which address, and the operation of the policy's table that is decided for it.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::routing::{get, post};
use bough_policy::{Nowhere, Operation};

use crate::asked::Asked;
use crate::door::{Kind, note, serve};
use crate::{Dashboard, login, problem};

/// A page as tests know it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Its address, with the names of its parameters.
    pub path: &'static str,
    /// What is decided for it.
    pub operation: Operation,
}

const fn method(kind: Kind) -> &'static str {
    match kind {
        Kind::Show | Kind::Live => "GET",
        Kind::Send => "POST",
    }
}

macro_rules! pages {
    ($($kind:ident $path:literal $target:ty, $operation:ident => $handler:path;)+) => {
        /// Every page and form for which somebody has to be signed in.
        pub const PAGES: &[Entry] = &[$(Entry {
            method: method(Kind::$kind),
            path: $path,
            operation: Operation::$operation,
        },)+];

        fn decided(house: &Arc<Dashboard>) -> Router {
            let mut router = Router::new();
            $(
                let own = Arc::clone(house);
                let handler = move |request: Request<Body>| {
                    serve::<$target>(Arc::clone(&own), Kind::$kind, Operation::$operation, $handler, request)
                };
                router = router.route($path, match Kind::$kind {
                    Kind::Show | Kind::Live => get(handler),
                    Kind::Send => post(handler),
                });
            )+
            router
        }
    };
}

pages! {
    Show "/" Nowhere, ListOrganizations => login::routes::start;
    Send "/logout" Nowhere, GetCurrentUser => login::routes::log_out;
}

/// The whole of it.
pub(crate) fn router(house: &Arc<Dashboard>) -> Router {
    let (show, send, theme, asset, other) =
        (Arc::clone(house), Arc::clone(house), Arc::clone(house), Arc::clone(house), Arc::clone(house));
    decided(house)
        .route(
            "/login",
            get(move |request| login::routes::show(Arc::clone(&show), request))
                .post(move |request| login::routes::log_in(Arc::clone(&send), request)),
        )
        .route("/account/theme", post(move |request| login::routes::theme(Arc::clone(&theme), request)))
        .route(
            "/assets/{file}",
            get(move |request: Request<Body>| async move {
                match asset.assets.serve(request.uri().path()) {
                    Some(response) => response,
                    None => nothing(&asset, request),
                }
            }),
        )
        .fallback(move |request: Request<Body>| async move { nothing(&other, request) })
}

/// What is at no address of ours.
fn nothing(house: &Dashboard, request: Request<Body>) -> Response<Body> {
    let started = Instant::now();
    let (parts, _) = request.into_parts();
    let asked = Asked::without_names(&parts, house.plane.fresh_request_id());
    let response = problem::not_found(house, &asked, None).into_response();
    note(&parts, &asked, &response, started);
    response
}
