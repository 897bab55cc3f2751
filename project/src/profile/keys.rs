//! The keys of `profiles.yml`.

use crate::shape::{DURATION, Key, Object, Shape};

const WORDS: Shape = Shape::Templated(&Shape::Text);
const SCALAR: Shape = Shape::Templated(&Shape::Scalar);
const THREADS: Key = Key::new(
    "threads",
    Shape::Templated(&Shape::Whole { least: 1, most: 256 }),
    "How many statements run at once; 4 unless told.",
);

/// `profiles.yml`: one profile, or several by name.
pub(crate) static PROFILES: Shape = Shape::Either(&[Shape::Object(&PROFILE), Shape::Map(&Shape::Object(&PROFILE))]);

/// A profile.
pub(crate) static PROFILE: Object = Object::new(
    "profile",
    "a profile",
    &[
        Key::new(
            "target",
            WORDS,
            "The target that is used unless --target names another.",
        ),
        Key::new(
            "targets",
            Shape::Map(&Shape::Typed(&[&SQLITE, &POSTGRES])),
            "Targets, by name.",
        )
        .required("targets: {dev: {type: sqlite}}"),
    ],
);

const TYPE: Key = Key::new("type", Shape::Word(&["sqlite", "postgres"]), "The kind of database.")
    .required("type: sqlite, or postgres");

/// A SQLite file.
pub(crate) static SQLITE: Object = Object::new(
    "sqlite",
    "a target of type \"sqlite\"",
    &[
        TYPE,
        Key::new(
            "path",
            WORDS,
            "The file, from the folder of the project; warehouse.sqlite3 unless told.",
        ),
        THREADS,
    ],
);

/// A Postgres server.
pub(crate) static POSTGRES: Object = Object::new(
    "postgres",
    "a target of type \"postgres\"",
    &[
        TYPE,
        Key::new(
            "url",
            WORDS,
            "All of the connection in one address: postgres://user:password@host:port/database?sslmode=require.",
        ),
        Key::new(
            "host",
            WORDS,
            "Name or address of the server, or the folder of its socket; localhost unless told.",
        ),
        Key::new(
            "port",
            Shape::Templated(&Shape::Whole { least: 1, most: 65_535 }),
            "Port; 5432 unless told.",
        ),
        Key::new("user", SCALAR, "User."),
        Key::new(
            "password",
            SCALAR,
            "Password. Take it from the environment: \"{{ env_var('PGPASSWORD') }}\".",
        ),
        Key::new("database", SCALAR, "Database.").or("dbname"),
        Key::new(
            "schema",
            WORDS,
            "Schema that relations are made in; public unless told.",
        ),
        Key::new(
            "sslmode",
            Shape::Templated(&Shape::Word(&[
                "disable",
                "prefer",
                "require",
                "verify-ca",
                "verify-full",
            ])),
            "Whether the connection is encrypted, and how the server is checked, as libpq has it; \
             `prefer` unless told.",
        ),
        Key::new(
            "sslrootcert",
            WORDS,
            "File of certificates that the server's must come from; `system` takes the system's. `~/.postgresql/root.crt` unless told.",
        ),
        Key::new(
            "extension",
            Shape::Templated(&Shape::Word(&["auto", "required", "never"])),
            "Whether the extension in the database answers calls of tasks; where it is there, unless told.",
        ),
        THREADS,
        Key::new(
            "connect_timeout",
            Shape::Templated(&Shape::Formed(&DURATION)),
            "How long connecting may take; 10s unless told.",
        ),
        Key::new(
            "application_name",
            SCALAR,
            "What the server calls our connections; refuel unless told.",
        ),
    ],
);
