//! Connections: each has a place, is timed out while it sends nothing, and ended gracefully.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
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
use pin_project_lite::pin_project;
use socket2::SockRef;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tower::ServiceExt as _;
use tower::util::Oneshot;

use crate::avatar::avatar;
use crate::body::{Bodies, TakenIn};
use crate::metrics::{self, Metrics};
use crate::rate::RateLimit;
use crate::respond::refuse;
use crate::seats::{Seat, Seats};
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
/// Connections that the system holds until they are accepted. Where there is no room among them, a
/// client tries again after a second.
const BACKLOG: u32 = 4096;
/// Longest time to tell somebody that there is no place for him, in seconds.
const REFUSAL_LIMIT_SECONDS: u64 = 1;

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
        let listener = listen(address).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address: bound })
    }

    /// The address that was bound.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stopped` ends; then lets requests under way end. What is not the API's own is for
    /// `pages`.
    pub async fn serve(
        self,
        plane: Arc<ControlPlane>,
        options: Options,
        pages: Router,
        stopped: impl Future<Output = ()>,
    ) {
        let seats = Seats::new(options.connections_max, options.connections_per_address);
        let rate = RateLimit::per_minute(options.rate_limit_per_minute);
        let api = Arc::new(Api {
            plane,
            rate,
            metrics: Metrics::new(),
            other_figures: options.other_figures,
            seats: Arc::clone(&seats),
            bodies: Bodies::default(),
        });
        let app = app(&api);
        let graceful = GracefulShutdown::new();
        let mut stopped = std::pin::pin!(stopped);
        loop {
            let accepted = async {
                let (stream, remote) = self.listener.accept().await?;
                // Where every place is being served, this one waits here, and others outside.
                Ok::<_, std::io::Error>((stream, remote, seats.take(remote.ip()).await))
            };
            tokio::select! {
                () = &mut stopped => break,
                accepted = accepted => match accepted {
                    Ok((stream, remote, Some(held))) => {
                        let seat = Arc::clone(&held.seat);
                        let (app, pages) = (app.clone(), pages.clone());
                        let door = Door { app, pages, remote, seat: Arc::clone(&seat) };
                        let watched = graceful.watch(connection(stream, door));
                        let served = tokio::spawn(async move {
                            // What goes wrong on a connection is its client's to notice.
                            let _ = watched.await;
                            drop(held);
                        });
                        seat.ends_with(served.abort_handle());
                    }
                    Ok((stream, _, None)) => {
                        tokio::spawn(no_place(stream));
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

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart need not wait for what the connections of before leave behind.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Tells somebody that his address has all the places that it may have, and that all are in use.
async fn no_place(mut stream: TcpStream) {
    const BODY: &str = "{\"code\":\"service_unavailable\",\"message\":\"too many requests of your address are \
                        being served; try again when some of them have ended\"}";
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\nretry-after: 1\r\n\r\n{BODY}",
        BODY.len()
    );
    let told = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    // Whoever does not listen is not told.
    let _ = tokio::time::timeout(Duration::from_secs(REFUSAL_LIMIT_SECONDS), told).await;
}

/// What answers one connection's requests.
struct Door {
    app: Router,
    pages: Router,
    remote: SocketAddr,
    seat: Arc<Seat>,
}

impl hyper::service::Service<Request<hyper::body::Incoming>> for Door {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = Serving;

    fn call(&self, mut request: Request<hyper::body::Incoming>) -> Self::Future {
        let seat = Arc::clone(&self.seat);
        if !seat.serving() {
            return Serving { answer: None, seat };
        }
        request.extensions_mut().insert(ConnectInfo(self.remote));
        straighten(&mut request);
        let door = if is_ours(request.uri().path()) { &self.app } else { &self.pages };
        Serving {
            answer: Some(door.clone().oneshot(request.map(|body| Body::new(TakenIn::new(body))))),
            seat,
        }
    }
}

pin_project! {
    /// A request being served; not, when its place was given away.
    struct Serving {
        #[pin]
        answer: Option<Oneshot<Router, Request<Body>>>,
        seat: Arc<Seat>,
    }
}

impl Future for Serving {
    type Output = Result<Response<Body>, std::convert::Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let serving = self.project();
        // The connection is about to be ended. Without an answer, clients know that they may ask again.
        let Some(answer) = serving.answer.as_pin_mut() else { return Poll::Pending };
        let answer = answer.poll(context);
        if answer.is_ready() {
            serving.seat.answered();
        }
        answer
    }
}

fn connection(stream: TcpStream, door: Door) -> http1::Connection<TokioIo<TcpStream>, Door> {
    // Answers are small and whole: waiting to fill packets only delays them.
    let _ = stream.set_nodelay(true);
    // Who does not take what he asked for gives his place to others.
    let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(Duration::from_secs(UNTAKEN_LIMIT_SECONDS)));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEADER_LIMIT_SECONDS))
        .max_buf_size(HEADER_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), door)
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

/// Whether a path is the API's own; all others are the pages'.
fn is_ours(path: &str) -> bool {
    path.starts_with("/v1/")
        || path.starts_with("/avatars/")
        || matches!(path, "/v1" | "/avatars" | "/healthz" | "/readyz" | "/metrics" | "/bough-ca.pem")
}

fn app(api: &Arc<Api>) -> Router {
    let ready = Arc::clone(api);
    let figures = Arc::clone(api);
    let authority = Arc::clone(api);
    let description = serde_json::to_string(&openapi()).unwrap_or_default();
    routes::router(api)
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
                // Branches are counted by state, one by one: not where others' requests are answered.
                let page = tokio::task::spawn_blocking(move || metrics::page(&figures)).await;
                text(
                    StatusCode::OK,
                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                    page.unwrap_or_default(),
                )
            }),
        )
        .route(
            "/bough-ca.pem",
            get(move || async move {
                let read = tokio::task::spawn_blocking(move || authority.plane.mysql_authority()).await;
                match read {
                    Ok(Ok(Some(pem))) => text(StatusCode::OK, "application/x-pem-file", pem),
                    Ok(Ok(None)) => refuse(
                        StatusCode::NOT_FOUND,
                        "not_found",
                        "MySQL clients know this server by a certificate of the operator's own",
                    )
                    .into_response(),
                    failed => {
                        tracing::error!(?failed, "the authority's certificate could not be told");
                        refuse(
                            StatusCode::INTERNAL_SERVER_ERROR,
                            "internal_server_error",
                            "the authority's certificate cannot be read; the log says why",
                        )
                        .into_response()
                    }
                }
            }),
        )
        .route("/avatars/{file}", get(|Path(file): Path<String>| async move { avatar(&file) }))
}
