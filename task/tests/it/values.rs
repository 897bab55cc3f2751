//! Tasks of the kinds `normalize`, `clean` and `enrich`: what they say, and what their rules make of values.

use insta::assert_snapshot;
use refuel_task::{Kind, Normalization, Normalized, Plan, RenderedInput, Status, Task, TaskError, ValueRules};
use serde_json::{Value, json};

use crate::{read, task};

const PHONE: &str = "
kind: normalize
input: contact
format: {phone: {region: DE}}
";

const COUNTRY: &str = "
kind: normalize
input: raw
vocabulary:
  - {value: Germany, id: DE, aliases: [Deutschland, BRD]}
  - {value: France, id: FR, aliases: République française}
  - {value: Netherlands, id: NL}
";

const COMMENT: &str = "
kind: clean
input: comment
rules: [mojibake, html, whitespace, {casing: {to: sentence}}, spelling]
dictionary: [receive 500, the 9000, parcel 300]
max_change: 0.2
keep: [numbers]
";

const COMPANY: &str = "
kind: enrich
input: [name, city, country, employees]
fields:
  country: two letters
  employees: {type: integer}
  industry: {enum: [software, retail]}
reference:
  key: name
  items:
    - {name: Acme, country: DE, employees: '12'}
    - {name: Brick, country: FR}
    - {name: Brick, country: NL, industry: retail}
";

fn normalized(task: &Task, raw: &str) -> Normalized {
    match &task.value_rules {
        Some(ValueRules::Normalize(normalization)) => normalization.of(raw),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tasks_of_these_kinds_ask_no_model_unless_they_name_one() {
    for yaml in [PHONE, COUNTRY, COMMENT, COMPANY] {
        let alone = task(yaml);
        assert!(!alone.asks_model());
        assert_eq!(alone.model_name(), "rules@3");
        let with_model = task(&format!("{yaml}model: small\n"));
        assert!(with_model.asks_model());
        assert_eq!(with_model.model_name(), "small");
        assert_eq!(
            alone.fingerprint(),
            with_model.fingerprint(),
            "the digest tells models apart"
        );
    }
    assert!(task("kind: label\ninput: a\nlabels: [b, c]\n").asks_model());
}

#[test]
fn a_format_makes_values_canonical_and_says_why_it_does_not() {
    let phone = task(PHONE);
    assert_eq!(
        normalized(&phone, "Tel. (030) 901820"),
        Normalized::Sure("+4930901820".to_owned(), 0.95)
    );
    let date = task("kind: normalize\ninput: a\nformat: date\n");
    let Normalized::Open {
        candidates,
        reason,
        is_likely,
    } = normalized(&date, "03/04/2025")
    else {
        panic!("it can be two days")
    };
    let values: Vec<&str> = candidates.iter().map(|(value, _)| value.as_str()).collect();
    assert_eq!(values, ["2025-04-03", "2025-03-04"]);
    assert!(!is_likely, "{reason}");
    let told = ["soon", "tomorrow", "2025-02-30"].map(|raw| match normalized(&date, raw) {
        Normalized::Open { reason, .. } => reason,
        Normalized::Sure(value, _) => value,
    });
    assert_snapshot!(told.join("\n"), @r#"
    a date was not found
    it is told from now, and the task's format has no "reference" that says when that is
    it reads like a date and can't be one
    "#);
}

#[test]
fn a_vocabulary_answers_identifiers_by_value_alias_and_likeness() {
    let country = task(COUNTRY);
    for (raw, id) in [
        ("Germany", "DE"),
        ("deutschland", "DE"),
        ("Republique Francaise", "FR"),
        ("Netherlands", "NL"),
    ] {
        assert!(
            matches!(normalized(&country, raw), Normalized::Sure(value, _) if value == id),
            "{raw}: {:?}",
            normalized(&country, raw)
        );
    }
    assert!(matches!(normalized(&country, "xyzzy"), Normalized::Open { candidates, .. } if candidates.is_empty()));
}

#[test]
fn right_answers_are_read_in_their_canonical_form() {
    let phone = task(PHONE);
    assert_eq!(phone.normalize_expected(&json!("030 901820")), Ok(json!("+4930901820")));
    assert_eq!(phone.normalize_expected(&json!("")), Ok(Value::Null), "there is none");
    assert!(phone.normalize_expected(&json!("nobody")).is_err());
    let country = task(COUNTRY);
    for given in ["DE", "Germany", "BRD"] {
        assert_eq!(country.normalize_expected(&json!(given)), Ok(json!("DE")));
    }
    assert_eq!(
        country.normalize_expected(&json!("Germny")),
        Err("\"Germny\" is not in the vocabulary".to_owned())
    );
    let number = task("kind: normalize\ninput: a\nformat: number\n");
    assert_eq!(number.normalize_expected(&json!(12.5)), Ok(json!("12.5")));
    assert_eq!(task(COMMENT).normalize_expected(&json!(" a ")), Ok(json!("a")));
}

#[test]
fn a_vocabulary_is_a_list_a_map_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "code,name,others\nDE,Germany,Deutschland;BRD\nFR,France,\nDE,Allemagne,\n";
    std::fs::write(folder.path().join("countries.csv"), csv).unwrap();
    let jsonl = "{\"code\": \"DE\", \"name\": \"Germany\", \"others\": [\"Deutschland\", \"BRD\", \"Allemagne\"]}\n{\"code\": \"FR\", \"name\": \"France\", \"others\": null}\n";
    std::fs::write(folder.path().join("countries.jsonl"), jsonl).unwrap();
    let of_file = |file: &str| {
        let yaml = format!(
            "kind: normalize\ninput: raw\nvocabulary: {{from: {file}, value: name, id: code, aliases: [others]}}\n"
        );
        Task::from_yaml(&yaml, "t.yml", folder.path()).unwrap()
    };
    let entries = |task: &Task| match &task.value_rules {
        Some(ValueRules::Normalize(Normalization::Vocabulary { terms, .. })) => terms
            .entries()
            .iter()
            .map(|entry| format!("{} {} {:?}", entry.id, entry.value, entry.aliases))
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let csv = of_file("countries.csv");
    assert_eq!(
        entries(&csv),
        ["DE Germany [\"Deutschland\", \"BRD\", \"Allemagne\"]", "FR France []"]
    );
    assert_eq!(csv.fingerprint(), of_file("countries.jsonl").fingerprint());
    let map = task("kind: normalize\ninput: raw\nvocabulary: {Germany: [Deutschland, BRD], France: null}\n");
    assert_eq!(
        entries(&map),
        ["Germany Germany [\"Deutschland\", \"BRD\"]", "France France []"]
    );
    let list = task("kind: normalize\ninput: raw\nvocabulary: [small, 42]\n");
    assert_eq!(entries(&list), ["small small []", "42 42 []"]);
}

#[test]
fn rules_mend_a_text_and_tell_what_they_did() {
    let comment = task(COMMENT);
    let Some(ValueRules::Clean(cleaning)) = &comment.value_rules else {
        panic!("it has rules")
    };
    let mended = cleaning.mend("recieve the  parcel &amp; pay 20");
    assert_eq!(mended.text, "Receive the parcel & pay 20");
    assert!(mended.confidence <= 0.5, "the dictionary lacks \"pay\"");
    let corrected = cleaning.mend("recieve the parcel 20").confidence;
    assert!(
        (0.8..1.0).contains(&corrected),
        "as likely as the word was meant: {corrected}"
    );
    assert_snapshot!(mended.told.unwrap(), @"edited by casing, spelling, whitespace, html: [-recieve-]{+Receive+} [-  -]{+ +} [-&amp;-]{+&+}");
    assert_eq!(cleaning.mend("Receive the parcel").told, None);
    assert_eq!(
        cleaning.judge("pay 20 for teh parcel", "pay 20 for the parcel"),
        Ok(Some("[-teh-]{+the+}".to_owned()))
    );
    assert_eq!(cleaning.judge("pay 20", "pay 20"), Ok(None));
    assert_snapshot!(cleaning.judge("pay 20 today", "pay 30 today").unwrap_err(), @"the number 20 is gone; the number 30 was not there before ([-20-]{+30+})");
}

#[test]
fn a_record_is_read_as_json_of_what_is_there() {
    let company = task(COMPANY);
    let row = |value: Value| {
        let Value::Object(record) = value else { panic!("a row") };
        company.render_input(&record)
    };
    let input = row(json!({"city": "Ulm", "name": "Acme", "country": null, "employees": " "})).unwrap();
    assert_eq!(
        input.text, r#"{"name":"Acme","city":"Ulm"}"#,
        "in the order of the task"
    );
    assert_eq!(
        row(json!({"name": "Acme", "city": "Ulm"})).unwrap(),
        input,
        "null and missing are the same"
    );
    assert_eq!(
        company
            .render_text(r#"{"city": "Ulm", "name": "Acme", "other": 1}"#)
            .unwrap(),
        input
    );
    assert!(matches!(
        row(json!({"name": null, "city": ""})),
        Err(TaskError::EmptyInput { .. })
    ));
    assert!(matches!(row(json!({"other": 1})), Err(TaskError::MissingColumn { .. })));
    assert!(matches!(company.render_text("Acme"), Err(TaskError::NoRecord { .. })));

    let whole = task("kind: enrich\ninput: facts\nfields: [country]\n");
    let text = r#"{"a":{"y":1,"x":2},"b":"c"}"#;
    assert_eq!(
        whole
            .render_text(r#"{"b": "c", "a": {"y": 1, "x": 2}, "d": null}"#)
            .unwrap()
            .text,
        text
    );
    let in_column = whole.render_input(json!({"facts": {"b": "c", "a": {"y": 1, "x": 2}}}).as_object().unwrap());
    assert_eq!(
        in_column.unwrap().text,
        text,
        "keys in the order of their names, as no database keeps any other"
    );
}

#[test]
fn what_is_there_is_never_overwritten_and_the_reference_fills_what_is_missing() {
    let company = task(COMPANY);
    let enriched = company.enriched(r#"{"name": "Acme", "country": "AT"}"#).unwrap();
    assert_eq!(enriched.found, ["employees"]);
    let missing: Vec<&str> = enriched.missing.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(missing, ["industry"]);
    let made = json!({"country": "XX", "industry": "software"});
    assert_eq!(
        company.completed(&enriched.known, made.as_object().unwrap()),
        json!({"country": "AT", "employees": 12, "industry": "software"})
    );
    let unfit = company.enriched(r#"{"name": "Other", "employees": "many"}"#).unwrap();
    assert_eq!(
        company.completed(&unfit.known, &serde_json::Map::new()),
        json!({"country": null, "employees": "many", "industry": null}),
        "what doesn't fit stays as it was written"
    );
    let differing = company.enriched(r#"{"name": "Brick"}"#).unwrap();
    assert_eq!(
        differing.found,
        ["industry"],
        "of rows with the same key what differs says nothing"
    );
}

#[test]
fn prompts_hold_what_the_rules_left() {
    let shown = |task: &Task, input: &RenderedInput| {
        let examples = task
            .examples
            .as_ref()
            .map_or_else(Vec::new, |examples| examples.shared(&[]));
        let plan = Plan::new(task, None, &examples).unwrap();
        plan.prefix
            .iter()
            .chain(&plan.row(input))
            .map(|part| part.text().to_owned())
            .collect::<String>()
    };
    let date = task(
        "kind: normalize\ninput: a\nformat: date\nexamples: [{input: first of May 24, value: 2024-05-01}, {input: soon, value: null}]\n",
    );
    assert_snapshot!(shown(&date, &RenderedInput::text("the Ides of March")), @"
    Find a date in the text and write it in one form: 2024-03-05. Answer with it alone, or with none where there is none.

    Input: first of May 24
    Answer: 2024-05-01
    Input: soon
    Answer: none
    Input: the Ides of March
    Answer:
    ");
    let country = task(&format!(
        "{COUNTRY}examples: [{{input: land of the Dutch, value: NL}}]\n"
    ));
    assert_snapshot!(shown(&country, &RenderedInput::choosing("Germanie", &["Germany", "France"])), @"
    Choose the entry that the text means. Answer with one of the entries only, exactly as it is written, or with none of these.

    Input: land of the Dutch
    Entries:
    Netherlands
    Answer: Netherlands
    Input: Germanie
    Entries:
    Germany
    France
    Answer:
    ");
    let comment = task(&format!("{COMMENT}examples: [{{input: teh  end, text: The end}}]\n"));
    assert_snapshot!(shown(&comment, &RenderedInput::mending("a  b", "a b")), @"
    Correct the spelling and typing mistakes of the text.

    Answer with the whole text, corrected. Leave numbers, names and what the text says as they are, and leave a text without mistakes as it is.

    Input: Teh end
    Answer: The end
    Input: a b
    Answer:
    ");
    let company = task(&format!(
        "{COMPANY}examples: [{{input: {{name: Shop24, city: Bonn}}, fields: {{country: DE, industry: retail}}}}]\n"
    ));
    let record = json!({"name": "Codeworks"});
    assert_snapshot!(shown(&company, &RenderedInput::completing(record.as_object().unwrap(), &["country", "industry"])), @r#"
    Fields:
    - country: two letters
    - employees (whole number)
    - industry (software or retail)

    Of a record some of these fields are missing. Answer with one JSON object that has the missing fields alone, in this order, and null for what can't be told from the record.

    Input: {"name": "Shop24", "city": "Bonn"}
    Missing: country, employees, industry
    Answer: {"country": "DE", "employees": null, "industry": "retail"}
    Input: {"name": "Codeworks"}
    Missing: country, industry
    Answer:
    "#);
}

#[test]
fn each_rule_is_in_the_fingerprint() {
    let mut prints: Vec<String> = [
        PHONE.to_owned(),
        PHONE.replace("DE", "FR"),
        PHONE.replace("{phone: {region: DE}}", "phone"),
        COUNTRY.to_owned(),
        COUNTRY.replace("BRD", "Germania"),
        COMMENT.to_owned(),
        COMMENT.replace("html, ", ""),
        COMMENT.replace("500", "600"),
        COMMENT.replace("0.2", "0.3"),
        COMMENT.replace("[numbers]", "[names]"),
        COMPANY.to_owned(),
        COMPANY.replace("'12'", "'13'"),
        COMPANY.replace("country: FR", "country: NL"),
    ]
    .iter()
    .map(|yaml| task(yaml).fingerprint())
    .collect();
    prints.sort_unstable();
    let count = prints.len();
    prints.dedup();
    assert_eq!(prints.len(), count);
}

#[test]
fn what_is_exported_names_no_file_and_is_the_same_task() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("countries.csv", "name,code\nGermany,DE\nFrance,FR\n");
    write("words.txt", "receive 500\nrecipe 400\n");
    write("companies.csv", "name,country\nAcme,DE\n");
    let tasks = [
        "kind: normalize\ninput: raw\nvocabulary: {from: countries.csv, value: name, id: code}\n",
        "kind: normalize\ninput: raw\nvocabulary: {b: [c, d], a: null}\n",
        "kind: clean\ninput: raw\ndictionary: words.txt\n",
        "kind: clean\ninput: raw\ndictionary: {receive: 500, apple: 3}\n",
        "kind: enrich\ninput: [name]\nfields: [country]\nreference: {from: companies.csv, key: name}\nexamples: [{input: {name: Acme}, fields: {country: DE}}]\n",
    ];
    for yaml in tasks {
        write("t.yml", yaml);
        let path = folder.path().join("t.yml");
        let spec = Task::export(&path).unwrap();
        let read = Task::from_catalog(&spec, "t").unwrap();
        assert_eq!(
            read.fingerprint(),
            Task::from_file(&path).unwrap().fingerprint(),
            "{spec}"
        );
        assert!(
            !spec.to_string().contains(".csv") && !spec.to_string().contains(".txt"),
            "{spec}"
        );
    }
}

/// A blank cell is a row like any other: nobody needs to be asked what becomes of it.
#[test]
fn nothing_has_an_answer_without_asking() {
    let nothing = |yaml: &str, record: Value| {
        let task = task(yaml);
        let rendered = task.render_input(record.as_object().expect("a row"));
        assert!(matches!(rendered, Err(TaskError::EmptyInput { .. })), "{rendered:?}");
        let input = RenderedInput::or_nothing(rendered).expect("nothing is no error");
        assert!(input.is_nothing());
        let answer = task.gate().apply(task.answer_to_nothing());
        (answer.value, answer.status, answer.reason.unwrap_or_default())
    };
    let empty = "input is empty".to_owned();
    assert_eq!(
        nothing(COMMENT, json!({"comment": " "})),
        (json!(""), Status::Ok, String::new())
    );
    assert_eq!(
        nothing(PHONE, json!({"contact": null})),
        (Value::Null, Status::Abstained, empty.clone())
    );
    assert_eq!(
        nothing(
            COMPANY,
            json!({"name": "", "city": null, "country": null, "employees": null})
        ),
        (
            json!({"country": null, "employees": null, "industry": null}),
            Status::Abstained,
            empty.clone()
        )
    );
    let label = "kind: label\ninput: body\nlabels: [a, b]\nfallback: b\nthreshold: 0.5\n";
    assert_eq!(
        nothing(label, json!({"body": ""})),
        (json!("b"), Status::Abstained, empty.clone())
    );
    let pair = "kind: match\ninput: {a: x, b: y}\n";
    assert_eq!(
        nothing(pair, json!({"x": "left", "y": ""})),
        (Value::Null, Status::Abstained, empty)
    );
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    let told: Vec<String> = [
        "kind: normalize\ninput: a\n",
        "kind: normalize\ninput: a\nformat: phne\n",
        "kind: normalize\ninput: a\nformat: {phone: {region: Germany}}\n",
        "kind: normalize\ninput: a\nformat: {date: {reference: today}}\n",
        "kind: normalize\ninput: a\nformat: {date: {regoin: DE}}\n",
        "kind: normalize\ninput: a\nformat: {amount: {day_first: true}}\n",
        "kind: normalize\ninput: a\nformat: {boolean: {currency: EUR}}\n",
        "kind: normalize\ninput: a\nformat: phone\nvocabulary: [a]\n",
        "kind: normalize\ninput: a\nvocabulary: []\n",
        "kind: normalize\ninput: a\nvocabulary: [a, ' ']\n",
        "kind: normalize\ninput: a\nvocabulary: {from: nowhere.csv}\n",
        "kind: normalize\ninput: a\nformat: date\nexamples: [{input: b, value: soon}]\n",
        "kind: clean\ninput: a\nrules: [htlm]\n",
        "kind: clean\ninput: a\nrules: [html, {casing: {to: loud}}]\n",
        "kind: clean\ninput: a\nrules: [html, html]\n",
        "kind: clean\ninput: a\nrules: [spelling]\n",
        "kind: clean\ninput: a\nrules: [html]\ndictionary: [word]\n",
        "kind: clean\ninput: a\nrules: []\n",
        "kind: clean\ninput: a\nmax_change: 2\n",
        "kind: clean\ninput: a\nkeep: [dates]\n",
        "kind: clean\ninput: a\ndictionary: ['a b c']\n",
        "kind: enrich\ninput: [a]\n",
        "kind: enrich\ninput: {template: '{{ a }}'}\nfields: [b]\n",
        "kind: enrich\ninput: [a]\nfields: [b]\nreference: {items: [{b: 1}], key: c}\n",
        "kind: enrich\ninput: [a]\nfields: [b]\nreference: {items: [{a: x, c: 1}], key: a}\n",
        "kind: enrich\ninput: [a]\nfields: {b: {type: integer}}\nreference: {items: [{a: x, b: many}], key: a}\n",
        "kind: embed\ninput: a\nformat: phone\n",
    ]
    .into_iter()
    .map(|yaml| match read(yaml) {
        Ok(_) => format!("taken: {yaml:?}"),
        Err(error) => match error.hint() {
            Some(hint) => format!("{} {error}\n    {hint}", error.code()),
            None => format!("{} {error}", error.code()),
        },
    })
    .collect();
    let folder = format!("{}/", env!("CARGO_MANIFEST_DIR"));
    assert_snapshot!(told.join("\n").replace(&folder, ""), @r#"
    RF0405 tickets.yml:1:1: missing key "format" or "vocabulary"
        say what the values are: format: phone, or vocabulary: [Germany, France]
    RF0406 tickets.yml:3:9: "format" can't be "phne"
        did you mean "phone"?
    RF0406 tickets.yml:3:18: "region" can't be "Germany"
        it must be a country's two letters of ISO 3166-1, such as "DE"
    RF0406 tickets.yml:3:28: "today" is no time
        write it as 2026-11-26 or 2026-11-26T09:30:00
    RF0403 tickets.yml:3:17: unknown key "regoin" in "format.date"
        did you mean "region"?
    RF0403 tickets.yml:3:19: unknown key "day_first" in "format.amount"
        the keys here are region, decimal, currency
    RF0406 tickets.yml:3:20: the format "boolean" has no options, and so no "currency"
        write format: boolean
    RF0406 tickets.yml:4:13: the task has both "format" and "vocabulary"
        keep one of the two
    RF0406 tickets.yml:3:13: the vocabulary has no entries
        list what the values are: vocabulary: [Germany, France]
    RF0406 tickets.yml:3:17: the entry has no value
        leave it out, or name it
    RF0401 tickets.yml:3:20: can't read `nowhere.csv`: no such file or directory
        files are looked for from the folder of the task file
    RF0407 tickets.yml:4:30: the example's "soon" can't be read as a date
        write it in its canonical form
    RF0406 tickets.yml:3:9: no rule "htlm"
        did you mean "html"?
    RF0406 tickets.yml:3:15: "to" must be lower, upper, sentence or title, not "loud"
        give "to" as lower, upper, sentence or title
    RF0406 tickets.yml:3:15: the rule "html" is given twice
        keep one of the two
    RF0406 tickets.yml:3:9: the rule "spelling" needs a dictionary
        name a word list: dictionary: words.txt
    RF0406 tickets.yml:4:1: "dictionary" has no use here: no rule reads it
        add the rule: rules: [..., spelling]
    RF0406 tickets.yml:1:1: the task has neither rules nor a model, so it would change nothing
        leave "rules" out for those that change no meaning, or name a model
    RF0406 tickets.yml:3:13: "max_change" must be from 0 to 1, not 2
        give the share of letters that may change, such as 0.2
    RF0406 tickets.yml:3:8: "keep" can't be "dates"
        it can be numbers, names, negation, contacts
    RF0406 tickets.yml:3:13: line 1 of the word list: "b" is no count
        write one word a line, with its count after white space where it is known
    RF0405 tickets.yml:1:1: missing key "fields"
        name what a record has: fields: {country: where it is, employees: {type: integer}}
    RF0406 tickets.yml:2:8: a template makes no record, which a task of kind "enrich" reads
        name the columns of the record: input: [name, city]
    RF0406 tickets.yml:4:35: the task does not read the column "c", so no row is found by it
        add it to the task's "input"
    RF0406 tickets.yml:4:12: the reference table has none of the task's fields
        its columns are called as the fields are
    RF0406 tickets.yml:4:21: the row of the reference table can't be used: "b" must be a whole number, not "many"
    RF0403 tickets.yml:3:1: unknown key "format" for a task of kind "embed"
        the keys here are name, version, kind, description, owner, tags, input, model, on_error, truncate
    "#);
}

#[test]
fn these_kinds_are_there() {
    for kind in [Kind::NORMALIZE, Kind::CLEAN, Kind::ENRICH] {
        assert_eq!(Kind::named(kind.name()), Some(kind));
    }
}
