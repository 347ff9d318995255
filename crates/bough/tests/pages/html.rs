//! As much of HTML as is needed to read our own pages: tags with their attributes, forms as a browser
//! would send them, and the text that is there to be read.

/// A tag.
#[derive(Clone, Debug)]
pub struct Tag<'a> {
    /// Its name; with a slash before it when it ends an element.
    pub name: &'a str,
    attributes: Vec<(&'a str, String)>,
    /// Where it begins, and where what follows it begins.
    at: (usize, usize),
}

impl Tag<'_> {
    /// An attribute; empty when it has no value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// The names of its attributes.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(name, _)| *name)
    }
}

/// Text as it is read, of text as it is written.
pub fn unescaped(text: &str) -> String {
    let mut read = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        read.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(end) = rest.find(';') else { break };
        let meant = match &rest[1..end] {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            other => other
                .strip_prefix('#')
                .and_then(|number| match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => number.parse().ok(),
                })
                .and_then(char::from_u32),
        };
        let meant = meant.unwrap_or_else(|| panic!("an entity that our pages do not use: {}", &rest[..=end]));
        read.push(meant);
        rest = &rest[end + 1..];
    }
    read.push_str(rest);
    read
}

fn tag_at(html: &str, start: usize) -> Tag<'_> {
    let inside = |at: usize| html.as_bytes().get(at).copied().unwrap_or_else(|| panic!("a tag does not end"));
    let word_end = |mut at: usize, stops: &[u8]| {
        while !stops.contains(&inside(at)) {
            at += 1;
        }
        at
    };
    let mut at = word_end(start + 1, b" \t\r\n>");
    let name = &html[start + 1..at];
    let mut attributes = Vec::new();
    loop {
        while inside(at).is_ascii_whitespace() {
            at += 1;
        }
        if inside(at) == b'>' {
            return Tag { name, attributes, at: (start, at + 1) };
        }
        let end = word_end(at, b" \t\r\n>=");
        let key = &html[at..end];
        at = end;
        let mut value = String::new();
        if inside(at) == b'=' {
            assert_eq!(inside(at + 1), b'"', "an attribute without quotes: {key}");
            let end = word_end(at + 2, b"\"");
            value = unescaped(&html[at + 2..end]);
            at = end + 1;
        }
        attributes.push((key, value));
    }
}

/// All tags of a page.
pub fn tags(html: &str) -> Vec<Tag<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = html[from..].find('<').map(|at| from + at) {
        let tag = tag_at(html, start);
        from = tag.at.1;
        found.push(tag);
    }
    found
}

/// What is there to be read, with single blanks.
pub fn text(html: &str) -> String {
    let mut read = String::new();
    let mut from = 0;
    for tag in tags(html) {
        read.push_str(&html[from..tag.at.0]);
        if !matches!(tag.name.trim_start_matches('/'), "b" | "bdi" | "code" | "span" | "a") {
            read.push(' ');
        }
        from = tag.at.1;
    }
    read.push_str(&html[from..]);
    unescaped(&read).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The part of a page from the tag that has an id to the end of its element.
pub fn element<'a>(html: &'a str, id: &str) -> Option<&'a str> {
    let all = tags(html);
    let first = all.iter().position(|tag| tag.attribute("id") == Some(id))?;
    let name = all[first].name;
    let mut depth = 0;
    for tag in &all[first..] {
        if tag.name == name {
            depth += 1;
        } else if tag.name.strip_prefix('/') == Some(name) {
            depth -= 1;
            if depth == 0 {
                return Some(&html[all[first].at.0..tag.at.1]);
            }
        }
    }
    Some(&html[all[first].at.0..])
}

/// What a browser sends of the form that is sent to `action`, without anything typed or ticked.
pub fn form(html: &str, action: &str) -> Option<Vec<(String, String)>> {
    let all = tags(html);
    let is_form = |tag: &Tag<'_>| tag.name == "form" && tag.attribute("action") == Some(action);
    let first = all.iter().position(is_form)?;
    let last = first + all[first..].iter().position(|tag| tag.name == "/form").expect("a form that ends");
    let mut fields = Vec::new();
    let mut select: Option<(String, Option<String>)> = None;
    for (at, tag) in all.iter().enumerate().take(last).skip(first) {
        let name = tag.attribute("name").unwrap_or_default().to_owned();
        let value = tag.attribute("value");
        let following = || unescaped(&html[tag.at.1..all[at + 1].at.0]);
        match tag.name {
            "input" | "textarea" if tag.has("disabled") || name.is_empty() => {}
            "input" => match tag.attribute("type").unwrap_or("text") {
                "checkbox" | "radio" if !tag.has("checked") => {}
                "checkbox" | "radio" => fields.push((name, value.unwrap_or("on").to_owned())),
                _ => fields.push((name, value.unwrap_or_default().to_owned())),
            },
            "textarea" => fields.push((name, following().trim_start_matches('\n').to_owned())),
            "select" if !tag.has("disabled") => select = Some((name, None)),
            "option" => {
                if let Some((_, chosen)) = &mut select
                    && (chosen.is_none() || tag.has("selected"))
                {
                    *chosen = Some(value.map_or_else(following, str::to_owned));
                }
            }
            "/select" => {
                if let Some((name, Some(chosen))) = select.take() {
                    fields.push((name, chosen));
                }
            }
            _ => {}
        }
    }
    Some(fields)
}
