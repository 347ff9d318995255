use super::*;

fn plot(values: &[Option<u64>]) -> Plot {
    let label = |at: usize| if at.is_multiple_of(6) { format!("{at:02}:00") } else { String::new() };
    Plot {
        title: "Requests".to_owned(),
        step: "Hour (UTC)",
        unit: Unit::Count,
        steps: (0..values.len()).map(|at| Step { name: format!("{at:02}:00"), label: label(at) }).collect(),
        series: vec![Series {
            name: "Requests".to_owned(),
            ink: Ink::First,
            mark: Mark::Area,
            values: values.to_vec(),
        }],
    }
}

fn day() -> Plot {
    let mut plot = plot(&(0..24).map(|at| Some((at * 37) % 101 * 4)).collect::<Vec<_>>());
    plot.series.push(Series {
        name: "Refusals".to_owned(),
        ink: Ink::Bad,
        mark: Mark::Dots,
        values: (0..24).map(|at| (at % 5 != 0).then_some(at % 3)).collect(),
    });
    plot
}

/// Every attribute of a drawing by name.
fn attributes(svg: &str) -> Vec<(&str, &str)> {
    let tags = svg.split('<').filter(|tag| !tag.starts_with('/'));
    tags.flat_map(|tag| {
        let inside = tag.split('>').next().unwrap_or("");
        inside.split("\" ").filter_map(|pair| {
            let (name, value) = pair.split_once("=\"")?;
            Some((name.rsplit(' ').next()?, value.trim_end_matches(['"', '/'])))
        })
    })
    .collect()
}

#[test]
fn the_drawing_is_the_reviewed_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/chart.svg");
    let now = day().draw().svg.replace("</svg>\n", "</svg>\n\n");
    if std::env::var_os("BOUGH_UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden")).expect("a folder");
        std::fs::write(path, &now).expect("written");
    }
    let reviewed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(now == reviewed, "{path} differs; look at it, then run this with BOUGH_UPDATE_GOLDEN=1:\n{now}");
}

#[test]
fn it_has_a_name_and_nothing_that_the_policy_would_stop() {
    let chart = day().draw();
    assert_eq!(chart.svg.matches("<svg").count(), 3);
    assert_eq!(chart.svg.matches("role=\"img\"").count(), 3);
    assert!(
        chart.svg.contains("<title>Requests</title><desc>From 00:00 to 23:00. Requests: at most 388, 19:00.")
    );
    for forbidden in ["<style", "style=", "<script", "href", "url(", " on", "width=\"720\"", "<image"] {
        assert!(!chart.svg.contains(forbidden), "{forbidden}");
    }
    let colours = ["none", "#566059", "#D8DCD4", "#1D6B45", "#A52F1F"];
    for (name, value) in attributes(&chart.svg) {
        if matches!(name, "fill" | "stroke") {
            assert!(colours.contains(&value), "{value} is no colour that the stylesheet knows");
        }
    }
    let legend: Vec<_> =
        chart.legend.iter().map(|each| (each.sample, each.colour(), each.name.as_str())).collect();
    assert_eq!(
        legend,
        [("area", "#1D6B45".to_owned(), "Requests"), ("dots", "#A52F1F".to_owned(), "Refusals")]
    );
}

#[test]
fn the_table_has_the_same_figures() {
    let table = day().draw().table;
    assert_eq!(table.head, ["Hour (UTC)", "Requests", "Refusals"]);
    assert_eq!(table.rows.len(), 24);
    assert_eq!(
        (table.rows[11].name.as_str(), table.rows[11].cells.as_slice()),
        ("11:00", &["12".to_owned(), "2".to_owned()][..])
    );
    assert_eq!(table.rows[0].cells[1], "–", "a gap");
}

#[test]
fn hostile_names_stay_text() {
    let hostile = "</title><script>alert('1')</script>\u{202e}&\"\u{0}";
    let mut plot = day();
    plot.title = hostile.to_owned();
    plot.series[0].name = hostile.to_owned();
    plot.steps[0] = Step { name: hostile.to_owned(), label: "<b a='1'>&\"".to_owned() };
    let chart = plot.draw();
    assert!(!chart.svg.contains("<script") && !chart.svg.contains("<b") && !chart.svg.contains('\0'));
    assert!(chart.svg.contains("&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"));
    assert_eq!(
        chart.svg.matches("&lt;b a=&apos;1&apos;&gt;&amp;&quot;").count(),
        3,
        "a label below the axis"
    );
    assert_eq!(chart.svg.matches("</title>").count(), 3);
}

#[test]
fn little_and_much() {
    for values in [
        &[][..],
        &[None],
        &[Some(0)],
        &[Some(7)],
        &[None, Some(3), None],
        &[None, None],
        &[Some(u64::MAX), Some(0), Some(u64::MAX)],
        &[Some(1); 10_000],
    ] {
        let chart = plot(values).draw();
        assert_eq!(chart.svg.matches("</svg>").count(), 3, "{values:?}");
        assert_eq!(chart.table.rows.len(), values.len());
        let highest = values.iter().flatten().max().copied().unwrap_or(0);
        assert_eq!(chart.empty, highest == 0, "{values:?}");
        let drawn = attributes(&chart.svg).iter().any(|(_, value)| *value == "#1D6B45");
        assert_eq!(drawn, values.iter().any(Option::is_some), "{values:?}: each drawing shows what there is");
        for (name, value) in attributes(&chart.svg) {
            assert!(!value.contains("NaN") && !value.contains("inf"), "{name}={value}");
        }
    }
}
