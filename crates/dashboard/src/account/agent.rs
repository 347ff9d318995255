//! Browsers, as people call them.

/// Marks of browsers in what they call themselves, those first that others imitate least.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
/// Marks of systems, likewise.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// What a browser is called: of what it calls itself, as much as tells one from another.
pub(super) fn told(agent: &str) -> String {
    let known = |marks: &[(&str, &'static str)]| {
        marks.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    match (known(&BROWSERS), known(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("A browser on {system}"),
        (None, None) if agent.trim().is_empty() => "A browser that does not say which".to_owned(),
        (None, None) => agent.chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart() {
        let like = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36";
        for (agent, name) in [
            (like, "Chrome on Linux"),
            ("Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/121.0", "Firefox on Windows"),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605 Version/17 Safari/605",
                "Safari on macOS",
            ),
            ("Mozilla/5.0 (Linux; Android 14) Chrome/120 Mobile Safari/537 EdgA/120", "Edge on Android"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17 like Mac OS X) CriOS/120 Safari/604", "Chrome on iPhone"),
            ("curl/8.5.0", "curl/8.5.0"),
            ("", "A browser that does not say which"),
        ] {
            assert_eq!(told(agent), name, "{agent}");
        }
        assert_eq!(told(&"ü".repeat(300)).chars().count(), 60);
    }
}
