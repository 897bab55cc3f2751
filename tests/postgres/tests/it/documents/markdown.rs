//! Pages whose examples are run: fenced blocks of code, and the block `text` that follows one and shows its result.

/// A part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Lines that are no example, as they stand.
    Prose(String),
    /// An example.
    Example(Example),
}

/// A fenced block, with the result that the page shows under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Example {
    /// The word after the fence: `sql`, `sh`, or what else a file is written in.
    pub(super) language: String,
    /// What stands in it.
    pub(super) code: String,
    /// The line of the page on which it begins, from 1.
    pub(super) line: usize,
    /// What the page says comes of it; empty where no result is shown.
    pub(super) result: String,
}

/// Cuts a page into its parts. [`write`] of them is the page.
pub(super) fn read(page: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut lines = page.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            match parts.last_mut() {
                Some(Part::Prose(prose)) => {
                    prose.push_str(line);
                    prose.push('\n');
                }
                _ => parts.push(Part::Prose(format!("{line}\n"))),
            }
            continue;
        };
        let mut code = String::new();
        for (_, line) in lines.by_ref().take_while(|(_, line)| *line != "```") {
            code.push_str(line);
            code.push('\n');
        }
        // A result stands right under its example, with an empty line between the two.
        match parts.as_mut_slice() {
            [.., Part::Example(example), Part::Prose(between)]
                if language == "text" && between == "\n" && example.result.is_empty() =>
            {
                example.result = code;
                parts.pop();
            }
            _ => parts.push(Part::Example(Example {
                language: language.to_owned(),
                code,
                line: number + 1,
                result: String::new(),
            })),
        }
    }
    parts
}

/// The page that has these parts.
pub(super) fn write(parts: &[Part]) -> String {
    let mut page = String::new();
    for part in parts {
        match part {
            Part::Prose(prose) => page.push_str(prose),
            Part::Example(Example {
                language, code, result, ..
            }) => {
                page.push_str(&format!("```{language}\n{code}```\n"));
                if !result.is_empty() {
                    page.push_str(&format!("\n```text\n{result}```\n"));
                }
            }
        }
    }
    page
}

/// Whether two results say the same: numbers with a point may differ by a little, as scores do from processor to
/// processor, and with them the widths of columns.
pub(super) fn alike(shown: &str, found: &str) -> bool {
    const DIFFERENCE: f64 = 0.05;
    let (shown, shown_numbers) = without_numbers(shown);
    let (found, found_numbers) = without_numbers(found);
    shown == found
        && shown_numbers
            .iter()
            .zip(&found_numbers)
            .all(|(shown, found)| (shown - found).abs() <= DIFFERENCE)
}

/// A text with `#` for each number that has a point, and one space or dash for several; and the numbers.
fn without_numbers(text: &str) -> (String, Vec<f64>) {
    let mut left = String::new();
    let mut numbers = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(rest.len());
        let word = &rest[..end];
        if let (true, Ok(number)) = (first.is_ascii_digit() && word.contains('.'), word.parse()) {
            left.push('#');
            numbers.push(number);
            rest = &rest[end..];
        } else if end > 0 {
            left.push_str(word);
            rest = &rest[end..];
        } else {
            if !(matches!(first, ' ' | '-') && left.ends_with(first)) {
                left.push(first);
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    (left.replace(" \n", "\n"), numbers)
}

#[test]
fn a_page_is_read_and_written_as_it_is() {
    let page =
        "# Title\n\n```sql\nSELECT 1;\n```\n\n```text\n 1\n```\n\nProse.\n```sh\nls\n```\n\n```yaml\na: b\n```\n";
    let parts = read(page);
    assert_eq!(write(&parts), page);
    let results: Vec<_> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Example(example) => Some((example.line, example.language.as_str(), example.result.as_str())),
            Part::Prose(_) => None,
        })
        .collect();
    assert_eq!(results, [(3, "sql", " 1\n"), (12, "sh", ""), (16, "yaml", "")]);
}

#[test]
fn results_are_alike_where_only_scores_differ_a_little() {
    assert!(alike(
        " id | score \n----+------\n  1 | 0.9132\n",
        " id | score\n---+---\n 1 | 0.92\n"
    ));
    for (shown, found) in [
        (" 1 | 0.91", " 1 | 0.81"),
        (" 1 | 0.91", " 2 | 0.91"),
        (" rows=8 distinct=7", " rows=8 distinct=8"),
        ("refund 0.9", "delivery 0.9"),
        ("0.9\n", "0.9\n0.9\n"),
        ("version 0.1.0", "version 0.1.1"),
    ] {
        assert!(!alike(shown, found), "{shown} / {found}");
    }
}
