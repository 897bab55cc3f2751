//! The command that was given, to be given again.

use std::ffi::OsString;

use crate::words;

/// Options that say how the table is begun, of which the new command has one of its own.
const BEGINNINGS: [&str; 3] = ["--resume", "--force", "--dry-run"];

/// The command line with the option `beginning` in place of those that say how the table is begun. `arguments` are
/// those of the process, of which the first is the program.
///
/// It is the line as it was typed, so that no option can be left out; what came from environment variables comes from
/// there again.
pub(crate) fn command(arguments: impl IntoIterator<Item = OsString>, beginning: &str) -> String {
    let mut words = vec!["refuel".to_owned()];
    let mut rest = arguments.into_iter().skip(1);
    let mut options_end = None;
    for argument in rest.by_ref() {
        let argument = argument.to_string_lossy().into_owned();
        if argument == "--" {
            options_end = Some(argument);
            break;
        }
        if !BEGINNINGS.contains(&argument.as_str()) {
            words.push(words::shell(&argument));
        }
    }
    words.push(beginning.to_owned());
    words.extend(options_end);
    // Behind `--`, what looks like an option is a file.
    words.extend(rest.map(|argument| words::shell(&argument.to_string_lossy())));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(line: &[&str]) -> String {
        command(line.iter().map(OsString::from), "--resume")
    }

    #[test]
    fn every_option_comes_again() {
        let line = [
            "/usr/bin/refuel",
            "--home",
            "my home",
            "label",
            "in.csv",
            "-t",
            "topic.yml",
            "--delimiter",
            ";",
            "--input-format",
            "csv",
            "--output-format=jsonl",
            "--limit",
            "9",
            "--on-error",
            "capture",
            "--memory",
            "1 GiB",
            "--force",
            "-o",
            "it's.jsonl",
        ];
        insta::assert_snapshot!(again(&line), @r"refuel --home 'my home' label in.csv -t topic.yml --delimiter ';' --input-format csv --output-format=jsonl --limit 9 --on-error capture --memory '1 GiB' -o 'it'\''s.jsonl' --resume");
    }

    #[test]
    fn a_file_that_looks_like_an_option_stays() {
        assert_eq!(
            again(&["refuel", "label", "-t", "t.yml", "--resume", "--", "--force"]),
            "refuel label -t t.yml --resume -- --force"
        );
    }
}
