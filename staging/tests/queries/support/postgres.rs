//! A server of Postgres of the tests' own.

use std::path::{Path, PathBuf};
use std::process::Command;

use postgres::types::Type;
use postgres::{Client, NoTls};
use refuel_staging::{Asked, Dialect, RelationName};

use super::{Answer, Database, Form, Row, form};

/// A server under the temporary folder, stopped when it is let go.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    bin: PathBuf,
}

/// The made-up model in PL/pgSQL: the same as `super::answer`.
const FUNCTIONS: &str = r"
CREATE FUNCTION made_up(input text, task text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS
    'SELECT (coalesce(sum(i * ascii(substr(input, i, 1))), 0) + 13 * length(task)) % 97 FROM generate_series(1, length(input)) AS i';
CREATE FUNCTION refuel_label(input text, task text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT COST 100000 AS $$
BEGIN
    IF trim(input) = '' OR made_up(input, task) % 5 = 0 THEN RETURN NULL; END IF;
    RETURN (ARRAY['red', 'green', 'blue'])[made_up(input, task) % 3 + 1];
END $$;
CREATE FUNCTION refuel_label(input jsonb, task text) RETURNS text LANGUAGE sql IMMUTABLE STRICT COST 100000 AS
    'SELECT refuel_label(input::text, task)';
CREATE FUNCTION refuel_normalize(input text, task text) RETURNS text LANGUAGE sql IMMUTABLE STRICT COST 100000 AS
    'SELECT refuel_label(input, task)';
CREATE FUNCTION refuel_clean(input text, task text) RETURNS text LANGUAGE sql IMMUTABLE STRICT COST 100000 AS
    'SELECT refuel_label(input, task)';
CREATE FUNCTION refuel_confidence(input text, task text) RETURNS real LANGUAGE plpgsql IMMUTABLE STRICT COST 100000 AS $$
BEGIN
    IF trim(input) = '' THEN RETURN 0; END IF;
    RETURN made_up(input, task) / 128.0;
END $$;
CREATE FUNCTION refuel_match(a text, b text, task text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT COST 100000 AS $$
BEGIN
    IF trim(a) = '' AND trim(b) = '' OR made_up(a || '/' || b, task) % 5 = 0 THEN RETURN NULL; END IF;
    RETURN made_up(a || '/' || b, task) % 2 = 0;
END $$;
CREATE FUNCTION refuel_answer(context text, question text, task text) RETURNS text LANGUAGE sql IMMUTABLE STRICT COST 100000 AS
    $$ SELECT CASE WHEN trim(context) <> '' OR trim(question) <> '' THEN refuel_label(context || '/' || question, task) END $$;
CREATE FUNCTION refuel_confidence(a text, b text, task text) RETURNS real LANGUAGE sql IMMUTABLE STRICT COST 100000 AS
    $$ SELECT CASE WHEN trim(a) <> '' OR trim(b) <> '' THEN refuel_confidence(a || '/' || b, task) ELSE 0 END $$;
CREATE FUNCTION refuel_extract(input text, task text) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT COST 100000 AS $$
    SELECT jsonb_build_object('colour', colour, 'number', made_up(input, task))
    FROM refuel_label(input, task) AS colour WHERE colour IS NOT NULL
$$;
CREATE FUNCTION refuel_enrich(input jsonb, task text) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT COST 100000 AS
    'SELECT refuel_extract(input::text, task)';
";

impl Server {
    /// Starts one as the user `postgres`, or as ourselves where we are not root; none where there is none.
    pub(crate) fn start() -> Option<Self> {
        let bin = binaries()?;
        let folder = tempfile::Builder::new().prefix("refuel-staging-").tempdir().ok()?;
        let path = folder.path().to_owned();
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(&path).status().ok()?;
            if !owned.success() {
                return None;
            }
        }
        let server = Self { folder, bin };
        let data = path.join("data");
        server.run(
            "initdb",
            &[
                "-D",
                data.to_str()?,
                "-A",
                "trust",
                "-U",
                "postgres",
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
            ],
        )?;
        let options = format!(
            "-c listen_addresses= -c unix_socket_directories={} -c fsync=off -c jit=off",
            path.display()
        );
        let log = path.join("log");
        server.run(
            "pg_ctl",
            &["-D", data.to_str()?, "-w", "-l", log.to_str()?, "-o", &options, "start"],
        )?;
        Some(server)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Option<()> {
        let program = self.bin.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let output = command
            .args(arguments)
            .current_dir("/tmp")
            .stdout(std::process::Stdio::null())
            .status()
            .ok()?;
        output.success().then_some(())
    }

    fn connect(&self) -> Client {
        let host = self.folder.path().display().to_string();
        let mut config = postgres::Config::new();
        config.host(&host).user("postgres").dbname("postgres");
        config.connect(NoTls).expect("a connection to the tests' own server")
    }

    /// Two schemas with the same tables and rows: one with the functions, one without.
    pub(crate) fn with(&self, schema: &str) -> Postgres {
        let mut client = self.connect();
        client
            .batch_execute(&format!(
                "SET client_min_messages = warning; DROP SCHEMA IF EXISTS asking CASCADE; DROP SCHEMA IF EXISTS staged CASCADE; \
                 CREATE SCHEMA asking; CREATE SCHEMA staged; SET search_path = staged; {schema}; SET search_path = asking; \
                 {FUNCTIONS}; {schema}"
            ))
            .expect("tables");
        Postgres {
            client,
            schema: "asking",
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        if let Some(data) = data.to_str() {
            self.run("pg_ctl", &["-D", data, "-m", "immediate", "stop"]);
        }
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// The folder of the newest server's programs.
fn binaries() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| Path::new(bin).join("initdb").is_file())
        .collect();
    found.sort();
    found.pop()
}

pub(crate) struct Postgres {
    client: Client,
    schema: &'static str,
}

impl Postgres {
    fn within(&mut self, schema: &'static str) {
        if self.schema != schema {
            self.client
                .batch_execute(&format!("SET search_path = {schema}"))
                .expect("a schema");
            self.schema = schema;
        }
    }

    fn query(&mut self, sql: &str) -> Result<Vec<Row>, String> {
        let explained = |error: postgres::Error| match error.as_db_error() {
            Some(error) => error.message().to_owned(),
            None => error.to_string(),
        };
        let rows = self.client.query(sql, &[]).map_err(explained)?;
        Ok(rows
            .iter()
            .map(|row| {
                (0..row.len())
                    .map(|column| match *row.columns()[column].type_() {
                        Type::INT4 => row.get::<_, Option<i32>>(column).map(|number| number.to_string()),
                        Type::INT8 => row.get::<_, Option<i64>>(column).map(|number| number.to_string()),
                        Type::INT2 => row.get::<_, Option<i16>>(column).map(|number| number.to_string()),
                        Type::FLOAT4 => row.get::<_, Option<f32>>(column).map(|number| number.to_string()),
                        Type::BOOL => row.get::<_, Option<bool>>(column).map(|boolean| boolean.to_string()),
                        _ => row.get::<_, Option<String>>(column),
                    })
                    .collect()
            })
            .collect())
    }
}

impl Database for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn row_by_row(&mut self, sql: &str) -> Result<Vec<Row>, String> {
        self.within("asking");
        self.query(sql)
    }

    fn rows(&mut self, sql: &str) -> Result<Vec<Row>, String> {
        self.within("staged");
        self.query(sql)
    }

    fn make(&mut self, table: &RelationName, asked: &Asked, arguments: u8) {
        self.within("staged");
        let name = table.sql(Dialect::Postgres);
        let value = match form(asked) {
            Form::Text => "text",
            Form::Boolean => "boolean",
            Form::Record => "jsonb",
        };
        let (keys, texts, primary) = if arguments == 2 {
            (
                "key_1 bytea, key_2 bytea",
                "argument_1 text, argument_2 text",
                "key_1, key_2",
            )
        } else {
            ("key_1 bytea", "argument_1 text", "key_1")
        };
        self.client
            .batch_execute(&format!(
                "CREATE TABLE IF NOT EXISTS {name} ({keys}, {texts}, value {value}, confidence real, score real, \
                 gate smallint, status text, source text, reason text, PRIMARY KEY ({primary}))"
            ))
            .expect("a table of answers");
    }

    fn keep(&mut self, table: &RelationName, asked: &Asked, texts: &[String], answer: &Answer) {
        let name = table.sql(Dialect::Postgres);
        let literal = |text: &String| Dialect::Postgres.literal(text);
        let value = match form(asked) {
            Form::Boolean => answer.boolean.map(|boolean| boolean.to_string()),
            Form::Text => answer.text.as_ref().map(literal),
            Form::Record => answer.record.as_ref().map(literal),
        };
        let value = value.unwrap_or_else(|| "NULL".to_owned());
        let keys: Vec<String> = texts
            .iter()
            .map(|text| format!("sha256(convert_to({}, 'UTF8'))", literal(text)))
            .chain(texts.iter().map(literal))
            .collect();
        let (columns, primary) = if texts.len() == 2 {
            ("key_1, key_2, argument_1, argument_2", "key_1, key_2")
        } else {
            ("key_1, argument_1", "key_1")
        };
        self.client
            .batch_execute(&format!(
                "INSERT INTO {name} ({columns}, value, confidence, gate, status) \
                 VALUES ({}, {value}, {}, {}, '{}') ON CONFLICT ({primary}) DO NOTHING",
                keys.join(", "),
                answer.confidence,
                answer.gate,
                answer.status
            ))
            .expect("an answer");
    }

    fn forget(&mut self) {
        self.within("staged");
        let names = self
            .query(
                "SELECT tablename::text FROM pg_tables WHERE schemaname = 'staged' AND tablename LIKE '\\_refuel\\_%'",
            )
            .expect("names");
        for name in names.into_iter().flatten().flatten() {
            self.client
                .batch_execute(&format!("DROP TABLE \"{name}\""))
                .expect("a table of answers");
        }
    }
}
