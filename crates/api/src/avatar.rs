//! Pictures of actors: a pattern drawn from the id alone. Nothing is looked up, so nothing is told.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use bough_control::model::Digest;

use crate::respond::not_found;

/// Cells on a side of the pattern.
const CELLS: usize = 5;

pub(crate) fn avatar(file: &str) -> Response<Body> {
    let name = file.strip_suffix(".svg").unwrap_or("");
    let fits = (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !fits {
        return not_found().into_response();
    }
    let digest = Digest::of(name.as_bytes());
    let bytes = digest.as_bytes();
    let hue = u32::from(bytes[31]) * 360 / 256;
    let mut cells = String::new();
    for row in 0..CELLS {
        for column in 0..CELLS {
            let mirrored = column.min(CELLS - 1 - column);
            if bytes[row * 3 + mirrored] & 1 == 1 {
                let _ = write!(cells, "<rect x=\"{column}\" y=\"{row}\" width=\"1\" height=\"1\"/>");
            }
        }
    }
    let picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-1 -1 7 7\" role=\"img\" aria-label=\"avatar\">\
         <rect x=\"-1\" y=\"-1\" width=\"7\" height=\"7\" fill=\"hsl({hue} 45% 92%)\"/>\
         <g fill=\"hsl({hue} 55% 38%)\">{cells}</g></svg>"
    );
    let mut response = Response::new(Body::from(picture));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'none'; sandbox"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_picture_or_the_404() {
        for number in 0..2_000 {
            assert_eq!(avatar(&format!("{number}.svg")).status(), StatusCode::OK, "{number}");
        }
        for wrong in ["", ".svg", "a", "A.svg", "a/b.svg", "é.svg", &format!("{}.svg", "a".repeat(33))] {
            assert_eq!(avatar(wrong).status(), StatusCode::NOT_FOUND, "{wrong}");
        }
    }
}
