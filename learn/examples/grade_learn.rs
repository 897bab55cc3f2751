//! Grades heads and tuned encoders on real data: the first 200 rows of each set, with examples from its end.
//!
//! `REFUEL_DATA` is the folder of the data (`../shared/data`), `REFUEL_ENCODER` that of the encoder's checkpoint with
//! `config.json`, `tokenizer.json` and `model.safetensors`. Arguments name the sets and ways to grade, all without any.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(clippy::print_stderr, reason = "what is left out is said beside the table")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ndarray::Array2;
use refuel_engine::evaluate::{Reliability, auroc, wilson};
use refuel_formats::Checkpoint;
use refuel_learn::encoder::{CustomOptions, Encoder, Texts, TuneOptions, train_custom};
use refuel_learn::{
    Activation, CatchAll, Features, FitOptions, HeadOptions, LabelTexts, LinearHead, NearestNeighbours, Targets,
    TermOptions, TermVocabulary, best_of, logits_without_own_label, train_head,
};
use tokenizers::Tokenizer;

const GRADED: usize = 200;
/// Share of rows that a catch-all label is thought to have. Nothing in examples that were picked label by label tells it.
const CATCH_ALL_SHARE: f64 = 0.2;

/// Whether other rows than the graded ones are asked for, which defaults may be chosen on: 400 that are neither graded nor
/// examples.
fn is_rehearsal() -> bool {
    std::env::var_os("REHEARSAL").is_some()
}

/// Rows of a set.
struct Set {
    name: &'static str,
    labels: Vec<String>,
    /// What the labels are called for a reader, each with its label.
    descriptions: Vec<(String, usize)>,
    examples: Vec<(String, usize)>,
    graded: Vec<(String, usize)>,
    catch_all: Option<usize>,
}

/// What is known of a set beforehand: a file, its columns, examples a label, and what a task would say of its labels.
struct Source {
    name: &'static str,
    text: &'static str,
    a_label: Option<usize>,
    /// The label of all that no other label fits.
    catch_all: Option<&'static str>,
    descriptions: &'static [(&'static str, &'static str)],
}

const SOURCES: [Source; 4] = [
    Source {
        name: "cls_clinc150",
        text: "text",
        a_label: Some(8),
        catch_all: Some("oos"),
        descriptions: &[],
    },
    Source {
        name: "cls_sms_spam",
        text: "text",
        a_label: Some(32),
        catch_all: None,
        descriptions: &[
            ("ham", "a message from one person to another"),
            ("spam", "an unsolicited commercial message, an advertisement or a prize"),
        ],
    },
    Source {
        name: "cls_trec_questions",
        text: "text",
        a_label: Some(32),
        catch_all: None,
        descriptions: &[
            ("ABBR", "What does an abbreviation stand for?"),
            ("DESC", "What is something, why, or how is something done?"),
            ("ENTY", "Which thing, animal, food, product, work or event?"),
            ("HUM", "Who is it, which person, group or company?"),
            ("LOC", "Where is it, which city, country or place?"),
            ("NUM", "How many, how much, when, which number or date?"),
        ],
    },
    Source {
        name: "autolabel_banking",
        text: "example",
        a_label: None,
        catch_all: None,
        descriptions: &[],
    },
];

fn rows(path: &Path, text: &str) -> Option<Vec<(String, String)>> {
    let mut reader = csv::Reader::from_path(path).ok()?;
    let headers = reader.headers().ok()?.clone();
    let column = |name: &str| headers.iter().position(|header| header == name);
    let (text, label) = (column(text)?, column("label")?);
    Some(
        reader
            .records()
            .flatten()
            .map(|record| (record[text].to_owned(), record[label].to_owned()))
            .collect(),
    )
}

fn read(source: &Source, data: &Path) -> Option<Set> {
    let folder = data.join(source.name);
    let (mut graded, examples) = if let Some(a_label) = source.a_label {
        let mut all = rows(&folder.join("all.csv"), source.text)?;
        let rest = all.split_off(GRADED.min(all.len()));
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let (examples, others): (Vec<_>, Vec<_>) = {
            let mut taken_or_not = Vec::new();
            for (text, label) in rest.into_iter().rev() {
                let count = counts.entry(label.clone()).or_default();
                *count += 1;
                taken_or_not.push((*count <= a_label, (text, label)));
            }
            taken_or_not.into_iter().partition(|(is_example, _)| *is_example)
        };
        let plain = |rows: Vec<(bool, (String, String))>| rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>();
        if is_rehearsal() {
            all = plain(others);
        }
        (all, plain(examples))
    } else {
        let mut graded = rows(&folder.join("test.csv"), source.text)?;
        if is_rehearsal() {
            graded.drain(..GRADED);
        }
        (graded, rows(&folder.join("seed.csv"), source.text)?)
    };
    graded.truncate(if is_rehearsal() { 2 * GRADED } else { GRADED });
    // A task names all its labels, those without an example too: the labels are those of the whole file.
    let mut labels: Vec<String> = examples.iter().chain(&graded).map(|(_, label)| label.clone()).collect();
    if source.a_label.is_none() {
        labels.extend(
            rows(&folder.join("test.csv"), source.text)?
                .into_iter()
                .map(|(_, label)| label),
        );
    }
    labels.sort();
    labels.dedup();
    let number = |label: &str| labels.iter().position(|known| known == label).unwrap_or_default();
    let numbered = |rows: Vec<(String, String)>| {
        rows.into_iter()
            .map(|(text, label)| {
                let label = number(&label);
                (text, label)
            })
            .collect()
    };
    let mut descriptions: Vec<(String, usize)> = source
        .descriptions
        .iter()
        .map(|(label, about)| ((*about).to_owned(), number(label)))
        .collect();
    if descriptions.is_empty() {
        descriptions = labels
            .iter()
            .map(|label| (label.replace('_', " "), number(label)))
            .collect();
    }
    Some(Set {
        name: source.name,
        catch_all: source.catch_all.map(number),
        examples: numbered(examples),
        graded: numbered(graded),
        descriptions,
        labels,
    })
}

/// Texts to tokens.
struct Reader {
    tokenizer: Tokenizer,
}

impl Reader {
    fn tokens(&self, texts: &[&str]) -> Vec<Vec<u32>> {
        texts
            .iter()
            .map(|text| {
                let encoding = self.tokenizer.encode(*text, true).expect("text can be read");
                encoding.get_ids().to_vec()
            })
            .collect()
    }
}

fn texts_of(rows: &[(String, usize)]) -> Vec<&str> {
    rows.iter().map(|(text, _)| text.as_str()).collect()
}

fn labels_of(rows: &[(String, usize)]) -> Vec<usize> {
    rows.iter().map(|(_, label)| *label).collect()
}

/// One line of the table.
fn line(set: &Set, way: &str, probabilities: &Array2<f32>, seconds: f64, note: &str) {
    let found = best_of(probabilities);
    let right = labels_of(&set.graded);
    let scored: Vec<(f64, bool)> = found
        .iter()
        .zip(&right)
        .enumerate()
        .map(|(row, (found, right))| (f64::from(probabilities[[row, *found]]), found == right))
        .collect();
    let hits = scored.iter().filter(|(_, right)| *right).count();
    let interval = wilson(hits as u64, scored.len() as u64).expect("there are rows");
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    right.iter().for_each(|label| *counts.entry(*label).or_default() += 1);
    let majority = *counts.values().max().unwrap_or(&0) as f64 / right.len() as f64;
    println!(
        "{:<19} {:>4} {:<20} {:.3} [{:.3}, {:.3}] {:>6.3} {:.3} {:.3} {:>6.1}  {note}",
        set.name,
        scored.len(),
        way,
        hits as f64 / scored.len() as f64,
        interval.0,
        interval.1,
        majority,
        auroc(&scored).unwrap_or(f64::NAN),
        Reliability::of(&scored).map_or(f64::NAN, |reliability| reliability.ece),
        seconds
    );
}

/// A set as one encoder sees it.
struct Embedded {
    examples: Features,
    graded: Features,
    texts: LabelTexts,
}

impl Embedded {
    fn of(set: &Set, encoder: &Encoder, reader: &Reader) -> Self {
        let examples = texts_of(&set.examples);
        let vocabulary = TermVocabulary::fit(&examples, &TermOptions::default());
        let features = |rows: &[(String, usize)]| {
            let texts = texts_of(rows);
            Features {
                dense: encoder.embed(&reader.tokens(&texts)).expect("tokens are known"),
                terms: Some(vocabulary.rows(&texts)),
            }
        };
        Self {
            examples: features(&set.examples),
            graded: features(&set.graded),
            texts: LabelTexts {
                features: features(&set.descriptions),
                labels: labels_of(&set.descriptions),
            },
        }
    }
}

/// A head on embeddings, and on terms; with a catch-all where the set has one.
fn head(set: &Set, way: &str, embedded: &Embedded, with_terms: bool) -> Array2<f32> {
    let start = Instant::now();
    let keep = |features: &Features| {
        if with_terms {
            features.clone()
        } else {
            Features::dense(features.dense.clone())
        }
    };
    let labels = labels_of(&set.examples);
    let inside: Vec<usize> = (0..labels.len())
        .filter(|&row| Some(labels[row]) != set.catch_all)
        .collect();
    let outside: Vec<usize> = (0..labels.len())
        .filter(|&row| Some(labels[row]) == set.catch_all)
        .collect();
    let of_inside: Vec<usize> = inside.iter().map(|&row| labels[row]).collect();
    let all = keep(&embedded.examples);
    let features = all.select(&inside);
    let targets = Targets::single(&of_inside, set.labels.len()).expect("labels are known");
    let texts: Vec<usize> = (0..embedded.texts.labels.len())
        .filter(|&text| Some(embedded.texts.labels[text]) != set.catch_all)
        .collect();
    let texts = LabelTexts {
        features: keep(&embedded.texts.features).select(&texts),
        labels: texts.iter().map(|&text| embedded.texts.labels[text]).collect(),
    };
    let options = HeadOptions::default();
    let trained = train_head(&features, &targets, Some(&texts), None, &options, &|| false).expect("there are examples");
    let logits = trained
        .head
        .logits(&keep(&embedded.graded))
        .expect("features are alike");
    let probabilities = if let Some(label) = set.catch_all {
        let mut fit = |rows: &[usize]| {
            let targets = targets.select(rows);
            let options = FitOptions {
                penalty: trained.choice.penalty,
                prior: None,
            };
            LinearHead::fit(&features.select(rows), &targets, &targets.balanced_weights(), &options)
        };
        let unseen = logits_without_own_label(&features, &of_inside, set.labels.len(), 5, 17, &mut fit)
            .expect("features are alike");
        let of_catch_all = trained.head.logits(&all.select(&outside)).expect("features are alike");
        let outside =
            ndarray::concatenate(ndarray::Axis(0), &[unseen.view(), of_catch_all.view()]).expect("columns are labels");
        CatchAll::fit(&trained.held_out, &outside, label, CATCH_ALL_SHARE)
            .expect("there are examples")
            .probabilities(&logits)
    } else {
        let mut probabilities = logits;
        Activation::Softmax.apply(&mut probabilities);
        probabilities
    };
    let note = format!("{:?}; held out {:.3}", trained.choice, trained.accuracy);
    line(set, way, &probabilities, start.elapsed().as_secs_f64(), &note);
    probabilities
}

fn setting(name: &str, or: f32) -> f32 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(or)
}

/// An encoder of the set's own.
fn custom(set: &Set, frozen: &Encoder, reader: &Reader) -> Array2<f32> {
    let start = Instant::now();
    let standard = TuneOptions::default();
    let options = CustomOptions {
        tune: TuneOptions {
            epochs: setting("EPOCHS", standard.epochs as f32) as usize,
            rate: setting("RATE", standard.rate),
            layers: setting("LAYERS", 6.0) as usize,
            temperature: setting("TEMPERATURE", standard.temperature),
            dropout: setting("DROPOUT", standard.dropout),
            ..standard
        },
        catch_all: set.catch_all.map(|label| (label, CATCH_ALL_SHARE)),
        ..CustomOptions::default()
    };
    let (tokens, labels) = (reader.tokens(&texts_of(&set.examples)), labels_of(&set.examples));
    let (names, of_names) = (
        reader.tokens(&texts_of(&set.descriptions)),
        labels_of(&set.descriptions),
    );
    let examples = Texts {
        tokens: &tokens,
        labels: &labels,
    };
    let of_labels = Texts {
        tokens: &names,
        labels: &of_names,
    };
    let mut losses = String::new();
    let custom = train_custom(
        frozen,
        examples,
        of_labels,
        set.labels.len(),
        None,
        &options,
        &mut |epoch| {
            losses = format!("last loss {:.4}", epoch.loss);
            eprint!(".");
            true
        },
    )
    .expect("there are texts");
    let seconds = start.elapsed().as_secs_f64();
    let graded = reader.tokens(&texts_of(&set.graded));
    let start = Instant::now();
    let embeddings = custom.encoder.embed(&graded).expect("tokens are known");
    let probabilities = custom.probabilities(embeddings).expect("features are alike");
    let note = format!(
        "held out {:.3}; {losses}; {:.0} rows/s; epochs {} rate {} temperature {} dropout {}",
        custom.held_out_accuracy,
        graded.len() as f64 / start.elapsed().as_secs_f64(),
        options.tune.epochs,
        options.tune.rate,
        options.tune.temperature,
        options.tune.dropout,
    );
    line(set, "tuned encoder", &probabilities, seconds, &note);
    probabilities
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let data = std::env::var_os("REFUEL_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let Some(checkpoint) = std::env::var_os("REFUEL_ENCODER").map(PathBuf::from) else {
        eprintln!("SKIPPED: REFUEL_ENCODER names no checkpoint");
        return;
    };
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let ways = ["similar", "head", "terms", "tuned"];
    let is_wanted_way = |way: &str| {
        wanted.iter().any(|wanted| wanted == way) || !wanted.iter().any(|wanted| ways.contains(&wanted.as_str()))
    };
    let is_wanted = |name: &str| {
        let sets: Vec<&String> = wanted
            .iter()
            .filter(|wanted| !ways.contains(&wanted.as_str()))
            .collect();
        sets.is_empty() || sets.iter().any(|wanted| name.contains(wanted.as_str()))
    };
    let checkpoint = Checkpoint::open(&checkpoint).expect("the checkpoint can be read");
    let frozen = Encoder::read(&checkpoint.config, checkpoint.weights.as_ref()).expect("the encoder is known");
    let mut tokenizer = Tokenizer::from_bytes(&checkpoint.tokenizer.tokenizer_json).expect("the tokenizer can be read");
    tokenizer.with_padding(None);
    let reader = Reader { tokenizer };
    for source in SOURCES.iter().filter(|source| is_wanted(source.name)) {
        let Some(set) = read(source, &data) else {
            eprintln!("SKIPPED: {} is not in {}", source.name, data.display());
            continue;
        };
        let embedded = Embedded::of(&set, &frozen, &reader);
        let mut found = Vec::new();
        if is_wanted_way("similar") {
            let start = Instant::now();
            let labels = labels_of(&set.examples);
            let nearest = NearestNeighbours::new(embedded.examples.dense.clone(), labels, set.labels.len(), None)
                .expect("there are examples");
            let probabilities = nearest.probabilities(&embedded.graded.dense);
            let note = format!("{:?}", nearest.voting);
            line(&set, "similar", &probabilities, start.elapsed().as_secs_f64(), &note);
        }
        if is_wanted_way("head") {
            found.push(head(&set, "head", &embedded, false));
        }
        if is_wanted_way("terms") {
            found.push(head(&set, "head, terms", &embedded, true));
        }
        if is_wanted_way("tuned") {
            found.push(custom(&set, &frozen, &reader));
        }
        if let [.., one, other] = found.as_slice() {
            let mean = (one + other) / 2.0;
            line(&set, "mean of the last two", &mean, 0.0, "");
        }
    }
}
