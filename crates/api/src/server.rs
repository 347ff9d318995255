//! Connections: accepted up to a limit, timed out while they send nothing, ended gracefully.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path};
use axum::http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use axum::routing::get;
use bough_control::ControlPlane;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::avatar::avatar;
use crate::metrics::{self, Metrics};
use crate::rate::RateLimit;
use crate::respond::refuse;
use crate::{Api, Options, openapi, routes};

/// Longest time for a request's header to arrive, idle time on a kept connection included, in seconds.
const HEADER_LIMIT_SECONDS: u64 = 30;
/// Longest time for a client to take some of an answer, in seconds.
const UNTAKEN_LIMIT_SECONDS: u64 = 10;
/// Most bytes buffered of a header before it is refused.
const HEADER_BUFFER_BYTES: usize = 128 * 1024;
/// Longest time for requests under way to end when the server stops, in seconds.
const GRACE_SECONDS: u64 = 10;
/// Pause after the system had no descriptor for a connection, in milliseconds.
const ACCEPT_PAUSE_MILLIS: u64 = 50;

/// Why the door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error(
        "cannot listen on {address}. Is another Bough, or another program, using it? Choose another with --http"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A listener that is bound and not served yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Binds an address; port 0 for any free one.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address: bound })
    }

    /// The address that was bound.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stopped` ends; then lets requests under way end.
    pub async fn serve(self, plane: Arc<ControlPlane>, options: Options, stopped: impl Future<Output = ()>) {
        let connections = Arc::new(Semaphore::new(options.connections_max));
        let rate = RateLimit::per_minute(options.rate_limit_per_minute);
        let api = Arc::new(Api { plane, rate, metrics: Metrics::new() });
        let app = app(&api);
        let graceful = GracefulShutdown::new();
        let mut stopped = std::pin::pin!(stopped);
        loop {
            let accepted = async {
                // A place first: whoever comes when there is none waits outside, in the backlog.
                let place = Arc::clone(&connections).acquire_owned().await;
                (place, self.listener.accept().await)
            };
            tokio::select! {
                () = &mut stopped => break,
                (place, accepted) = accepted => match accepted {
                    Ok((stream, remote)) => {
                        let connection = connection(stream, remote, app.clone());
                        let watched = graceful.watch(connection);
                        tokio::spawn(async move {
                            // What goes wrong on a connection is its client's to notice.
                            let _ = watched.await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MILLIS)).await;
                    }
                },
            }
        }
        let grace = tokio::time::timeout(Duration::from_secs(GRACE_SECONDS), graceful.shutdown());
        if grace.await.is_err() {
            tracing::warn!(
                "requests were still under way after {GRACE_SECONDS} s; their connections are cut"
            );
        }
    }
}

/// What answers one connection's requests.
struct Door {
    app: Router,
    remote: SocketAddr,
}

impl hyper::service::Service<Request<hyper::body::Incoming>> for Door {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = tower::util::Oneshot<Router, Request<Body>>;

    fn call(&self, mut request: Request<hyper::body::Incoming>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.remote));
        straighten(&mut request);
        self.app.clone().oneshot(request.map(Body::new))
    }
}

fn connection(
    stream: TcpStream,
    remote: SocketAddr,
    app: Router,
) -> http1::Connection<TokioIo<TcpStream>, Door> {
    // Answers are small and whole: waiting to fill packets only delays them.
    let _ = stream.set_nodelay(true);
    // Who does not take what he asked for gives his place to others.
    let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(Duration::from_secs(UNTAKEN_LIMIT_SECONDS)));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEADER_LIMIT_SECONDS))
        .max_buf_size(HEADER_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), Door { app, remote })
}

/// Takes doubled slashes, and one at the end, out of the path (contract: conventions.md §1).
fn straighten<B>(request: &mut Request<B>) {
    let path = request.uri().path();
    if !path.contains("//") && (path.len() == 1 || !path.ends_with('/')) {
        return;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let query = request.uri().query().map_or(String::new(), |query| format!("?{query}"));
    if let Ok(uri) = format!("/{}{query}", parts.join("/")).parse::<Uri>() {
        *request.uri_mut() = uri;
    }
}

fn text(status: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// What stands at `/` until the dashboard does.
const FRONT: &str = "Bough is running. There is no dashboard in this version yet.\n\n\
    The API is below /v1 and described at /v1/openapi.json. It wants a service token:\n\n  \
    curl -H \"Authorization: $TOKEN_ID:$TOKEN\" ADDRESS/v1/organizations\n";

fn app(api: &Arc<Api>) -> Router {
    let ready = Arc::clone(api);
    let figures = Arc::clone(api);
    let description = serde_json::to_string(&openapi()).unwrap_or_default();
    routes::router(api)
        .route("/", get(|| async { text(StatusCode::OK, "text/plain; charset=utf-8", FRONT.to_owned()) }))
        .route(
            "/v1/openapi.json",
            get(move || async { text(StatusCode::OK, "application/json", description) }),
        )
        .route(
            "/healthz",
            get(|| async { text(StatusCode::OK, "text/plain; charset=utf-8", "ok\n".to_owned()) }),
        )
        .route(
            "/readyz",
            get(move || async move {
                match ready.plane.check_store() {
                    Ok(()) => text(StatusCode::OK, "text/plain; charset=utf-8", "ready\n".to_owned()),
                    Err(error) => {
                        tracing::error!(%error, "not ready");
                        refuse(
                            StatusCode::SERVICE_UNAVAILABLE,
                            "service_unavailable",
                            "the metadata database does not answer",
                        )
                        .into_response()
                    }
                }
            }),
        )
        .route(
            "/metrics",
            get(move || async move {
                text(
                    StatusCode::OK,
                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                    metrics::page(&figures),
                )
            }),
        )
        .route("/avatars/{file}", get(|Path(file): Path<String>| async move { avatar(&file) }))
}
