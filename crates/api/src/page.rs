//! Lists (contract: conventions.md §6).

use bough_control::Page;
use schemars::JsonSchema;
use serde::Serialize;

use crate::dispatch::Ctx;

/// One page of a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Page_{T}")]
pub(crate) struct List<T> {
    /// `list`
    r#type: &'static str,
    /// The page delivered, from 1.
    current_page: u32,
    /// Items per page.
    per_page: u32,
    /// The next page; null on the last.
    next_page: Option<u32>,
    /// Its address.
    next_page_url: Option<String>,
    /// The page before; null on the first.
    prev_page: Option<u32>,
    /// Its address.
    prev_page_url: Option<String>,
    /// Items on all pages.
    total_count: i64,
    /// Pages.
    total_pages: i64,
    /// The items.
    data: Vec<T>,
}

impl<T> List<T> {
    /// A page of a longer list.
    pub(crate) fn new(ctx: &Ctx<'_>, page: Page, total: i64, data: Vec<T>) -> Self {
        let size = i64::from(page.size);
        let total_pages = (total + size - 1) / size;
        let next = (i64::from(page.number) < total_pages).then(|| page.number + 1);
        let prev = (page.number > 1).then(|| page.number - 1);
        Self {
            r#type: "list",
            current_page: page.number,
            per_page: page.size,
            next_page: next,
            next_page_url: next.map(|number| page_url(ctx, number)),
            prev_page: prev,
            prev_page_url: prev.map(|number| page_url(ctx, number)),
            total_count: total,
            total_pages,
            data,
        }
    }

    /// A list that is never cut.
    pub(crate) fn whole(data: Vec<T>) -> Self {
        let total = i64::try_from(data.len()).unwrap_or(i64::MAX);
        Self {
            r#type: "list",
            current_page: 1,
            per_page: u32::try_from(data.len()).unwrap_or(u32::MAX).max(25),
            next_page: None,
            next_page_url: None,
            prev_page: None,
            prev_page_url: None,
            total_count: total,
            total_pages: i64::from(total > 0),
            data,
        }
    }
}

/// The address of another page of the same list, with the same filters.
fn page_url(ctx: &Ctx<'_>, number: u32) -> String {
    let number = number.to_string();
    let others = ctx.input.query.iter().filter(|(key, _)| key != "page");
    let pairs = others.map(|(key, value)| (key.as_str(), value.as_str())).chain([("page", number.as_str())]);
    let query = serde_urlencoded::to_string(pairs.collect::<Vec<_>>()).unwrap_or_default();
    format!("{}{}?{query}", ctx.public_url(), ctx.input.path)
}

/// A part of a list that is read by cursors.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CursorPage_{T}")]
pub(crate) struct CursorList<T> {
    /// `list`
    pub(crate) r#type: &'static str,
    /// More items follow.
    pub(crate) has_next: bool,
    /// Items precede.
    pub(crate) has_prev: bool,
    /// The id of the first item.
    pub(crate) cursor_start: Option<String>,
    /// The id of the last item.
    pub(crate) cursor_end: Option<String>,
    /// The items.
    pub(crate) data: Vec<T>,
}

/// A list that is not paged.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Data_{T}")]
pub(crate) struct Data<T> {
    /// The items.
    pub(crate) data: Vec<T>,
}
