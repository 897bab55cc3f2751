//! Rules as task files have them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Case, DashStyle, Html, QuoteStyle, Rule, RuleName, Rules, UnicodeForm, Whitespace};
use crate::error::nearest;
use crate::spelling::{Dictionary, Speller};
use crate::{CleanError, Result};

/// The type of a value, with its article.
fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("\"{text}\""),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

/// The options of one rule.
struct Options<'a> {
    place: String,
    rule: RuleName,
    given: Option<&'a Map<String, Value>>,
}

impl Options<'_> {
    fn check(&self, known: &'static [&'static str]) -> Result<()> {
        let unknown = self
            .given
            .into_iter()
            .flat_map(Map::keys)
            .find(|key| !known.contains(&key.as_str()));
        match unknown {
            None => Ok(()),
            Some(option) => Err(CleanError::UnknownOption {
                place: self.place.clone(),
                rule: self.rule.name(),
                option: option.clone(),
                known,
            }),
        }
    }

    fn get(&self, option: &str) -> Option<&Value> {
        self.given.and_then(|options| options.get(option))
    }

    fn wrong<T>(&self, option: &'static str, expected: &'static str, value: &Value) -> Result<T> {
        Err(CleanError::Option {
            place: self.place.clone(),
            option,
            expected,
            found: found(value),
        })
    }

    fn flag(&self, option: &'static str, unless_told: bool) -> Result<bool> {
        match self.get(option) {
            None => Ok(unless_told),
            Some(Value::Bool(value)) => Ok(*value),
            Some(value) => self.wrong(option, "true or false", value),
        }
    }

    fn share(&self, option: &'static str, unless_told: f32) -> Result<f32> {
        match self.get(option) {
            None => Ok(unless_told),
            Some(value) => match value.as_f64().filter(|share| (0.0..=1.0).contains(share)) {
                Some(share) => Ok(share as f32),
                None => self.wrong(option, "a number from 0 to 1", value),
            },
        }
    }

    fn one_of<T: Copy + Default>(
        &self,
        option: &'static str,
        expected: &'static str,
        values: &[(&str, T)],
    ) -> Result<T> {
        match self.get(option) {
            None => Ok(T::default()),
            Some(value) => {
                let of_name = |name: &str| values.iter().find(|(known, _)| *known == name);
                match value.as_str().and_then(of_name) {
                    Some((_, value)) => Ok(*value),
                    None => self.wrong(option, expected, value),
                }
            }
        }
    }
}

impl Rules {
    /// Reads the list of rules of a task file: names, and names with their options.
    ///
    /// ```
    /// # fn main() -> Result<(), refuel_clean::CleanError> {
    /// let list = serde_json::json!(["html", "whitespace", {"casing": {"to": "title"}}]);
    /// let rules = refuel_clean::Rules::parse(&list, |_| None)?;
    /// assert_eq!(rules.apply("THE LORD&nbsp;OF THE  RINGS").text, "The Lord of the Rings");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// `dictionary` gives the dictionary of a name that `spelling` has.
    ///
    /// # Errors
    /// A rule or an option that there is not, a value that it can't have, a rule twice, or a dictionary that is not known.
    pub fn parse(list: &Value, dictionary: impl Fn(&str) -> Option<Arc<Dictionary>>) -> Result<Self> {
        let Value::Array(entries) = list else {
            return Err(CleanError::Shape {
                place: "rules".into(),
                expected: "a list",
                found: found(list),
            });
        };
        let rules = entries.iter().enumerate().map(|(at, entry)| {
            let place = format!("rules[{at}]");
            let shape = |expected| CleanError::Shape {
                place: place.clone(),
                expected,
                found: found(entry),
            };
            let none = Value::Null;
            let (name, options) = match entry {
                Value::String(name) => (name, &none),
                Value::Object(entry) if entry.len() == 1 => {
                    entry.iter().next().ok_or_else(|| shape("a rule with its options"))?
                }
                _ => return Err(shape("the name of a rule, or a rule with its options")),
            };
            let options = match options {
                Value::Null => None,
                Value::Object(options) => Some(options),
                _ => return Err(shape("a rule with its options")),
            };
            let Some(rule) = RuleName::ALL.into_iter().find(|rule| rule.name() == name) else {
                return Err(CleanError::UnknownRule {
                    place,
                    name: name.clone(),
                    nearest: nearest(name, &RuleName::ALL.map(RuleName::name)),
                });
            };
            rule_of(
                &Options {
                    place,
                    rule,
                    given: options,
                },
                &dictionary,
            )
        });
        Self::new(rules.collect::<Result<Vec<Rule>>>()?)
    }
}

fn rule_of(options: &Options<'_>, dictionary: &impl Fn(&str) -> Option<Arc<Dictionary>>) -> Result<Rule> {
    Ok(match options.rule {
        RuleName::Unicode => {
            options.check(&["form"])?;
            let forms = [("nfc", UnicodeForm::Nfc), ("nfkc", UnicodeForm::Nfkc)];
            Rule::Unicode(options.one_of("form", "nfc or nfkc", &forms)?)
        }
        RuleName::Mojibake => {
            options.check(&[])?;
            Rule::Mojibake
        }
        RuleName::Invisible => {
            options.check(&[])?;
            Rule::Invisible
        }
        RuleName::Whitespace => {
            options.check(&["lines"])?;
            Rule::Whitespace(Whitespace {
                lines: options.flag("lines", true)?,
            })
        }
        RuleName::Html => {
            options.check(&["tags", "entities"])?;
            Rule::Html(Html {
                tags: options.flag("tags", true)?,
                entities: options.flag("entities", true)?,
            })
        }
        RuleName::Casing => {
            options.check(&["to"])?;
            let cases = [
                ("lower", Case::Lower),
                ("upper", Case::Upper),
                ("sentence", Case::Sentence),
                ("title", Case::Title),
            ];
            Rule::Casing(options.one_of("to", "lower, upper, sentence or title", &cases)?)
        }
        RuleName::Quotes => {
            options.check(&["to"])?;
            let styles = [("straight", QuoteStyle::Straight), ("curly", QuoteStyle::Curly)];
            Rule::Quotes(options.one_of("to", "straight or curly", &styles)?)
        }
        RuleName::Dashes => {
            options.check(&["to"])?;
            let styles = [("hyphen", DashStyle::Hyphen), ("dash", DashStyle::Dash)];
            Rule::Dashes(options.one_of("to", "hyphen or dash", &styles)?)
        }
        RuleName::Punctuation => {
            options.check(&[])?;
            Rule::Punctuation
        }
        RuleName::Spelling => {
            options.check(&["dictionary", "least_confidence", "names"])?;
            let name = match options.get("dictionary") {
                None => "column",
                Some(Value::String(name)) => name,
                Some(value) => return options.wrong("dictionary", "the name of a word list", value),
            };
            let dictionary = dictionary(name).ok_or_else(|| CleanError::UnknownDictionary {
                place: options.place.clone(),
                name: name.to_owned(),
            })?;
            Rule::Spelling(Speller {
                least_confidence: options.share("least_confidence", Speller::LEAST_CONFIDENCE)?,
                names: options.flag("names", false)?,
                dictionary,
            })
        }
    })
}
