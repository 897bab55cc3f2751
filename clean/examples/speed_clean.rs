//! How fast rules are: `cargo run --release -p refuel-clean --example speed_clean [ROWS]`.
//!
//! Made-up rows of about a hundred characters, a tenth of which have something to mend, on one core.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::time::Instant;

use refuel_clean::Rules;
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let rows: usize = std::env::args().nth(1).map_or(Ok(100_000), |rows| rows.parse())?;
    let plain = "The parcel came on time, and what was in it was what we had asked for; only the box was a little wet.";
    let broken = "<p>The  parcel&nbsp;came on time \u{2013} and what was in it wasn\u{e2}\u{20ac}\u{2122}t what we had asked for!!!</p>";
    let texts: Vec<String> = (0..rows)
        .map(|row| format!("{row} {}", if row % 10 == 0 { broken } else { plain }))
        .collect();
    let all = json!([
        "mojibake",
        "html",
        "unicode",
        "invisible",
        "whitespace",
        "quotes",
        "dashes",
        "punctuation",
        "casing"
    ]);
    println!("rules                rows   edited  seconds    rows/s");
    for (name, rules) in [
        ("unless told", Rules::default()),
        ("all but spelling", Rules::parse(&all, |_| None)?),
    ] {
        let started = Instant::now();
        let edited = texts.iter().filter(|text| !rules.apply(text).edits.is_empty()).count();
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{name:<17} {rows:>8} {edited:>8} {seconds:>8.2} {:>9.0}",
            rows as f64 / seconds
        );
    }
    Ok(())
}
