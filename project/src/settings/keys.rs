//! The keys of `refuel_project.yml`.

use crate::config::{COUNT, MINUTES, MODEL_CONFIG, SEED_CONFIG, TEST_CONFIG};
use crate::shape::{DURATION, Key, NAME, Object, Shape, TITLE};

const PATHS: Shape = Shape::OneOrMore(&Shape::Text);

/// `refuel_project.yml`.
pub(crate) static PROJECT: Object = Object::new(
    "project",
    "refuel_project.yml",
    &[
        Key::new("name", Shape::Formed(&NAME), "The project's name.").required("name: NAME"),
        Key::new("version", Shape::Scalar, "The project's version, for people."),
        Key::new("description", Shape::Text, "What the project is, for people."),
        Key::new(
            "profile",
            Shape::Text,
            "The profile in profiles.yml, where that file has several; the project's name unless told.",
        ),
        Key::new("model_paths", PATHS, "Folders of models; [models] unless told."),
        Key::new("task_paths", PATHS, "Folders of tasks; [tasks] unless told."),
        Key::new("seed_paths", PATHS, "Folders of seeds; [seeds] unless told."),
        Key::new("test_paths", PATHS, "Folders of tests; [tests] unless told."),
        Key::new("macro_paths", PATHS, "Folders of macros; [macros] unless told."),
        Key::new(
            "target_path",
            Shape::Text,
            "The folder that compiled files are written to; target unless told.",
        ),
        Key::new("vars", Shape::Map(&Shape::Anything), "Variables, for var('NAME')."),
        Key::new(
            "models",
            Shape::Folders(&MODEL_CONFIG),
            "Configuration of models by folder.",
        ),
        Key::new(
            "seeds",
            Shape::Folders(&SEED_CONFIG),
            "Configuration of seeds by folder.",
        ),
        Key::new(
            "data_tests",
            Shape::Folders(&TEST_CONFIG),
            "Configuration of tests by folder.",
        )
        .or("tests"),
        Key::new(
            "budgets",
            Shape::Object(&BUDGETS),
            "The most that one run may ask of models. More stops it before any is asked.",
        ),
        Key::new(
            "on_run_start",
            Shape::OneOrMore(&Shape::Text),
            "SQL that runs before anything else of a run.",
        ),
        Key::new(
            "on_run_end",
            Shape::OneOrMore(&Shape::Text),
            "SQL that runs after everything else of a run.",
        ),
        Key::new(
            "schedule",
            Shape::List(&Shape::Object(&JOB)),
            "Runs by the clock, for `refuel schedule`.",
        ),
        Key::new(
            "pools",
            Shape::Map(&Shape::Whole { least: 1, most: 10_000 }),
            "How many jobs of a pool run at once, by the pool's name.",
        ),
    ],
)
.with_hyphens();

/// Budgets.
pub(crate) static BUDGETS: Object = Object::new(
    "budgets",
    "budgets",
    &[
        Key::new("max_rows", COUNT, "The most distinct inputs that are asked."),
        Key::new("max_tokens", COUNT, "The most tokens, prompts and answers together."),
        Key::new(
            "max_minutes",
            MINUTES,
            "The longest that it may take, by the speed measured before.",
        ),
    ],
)
.with_hyphens();

/// A job.
pub(crate) static JOB: Object = Object::new(
    "job",
    "a job of the schedule",
    &[
        Key::new("name", Shape::Formed(&TITLE), "The job's name.").required("name: nightly"),
        Key::new("description", Shape::Text, "What it is for, for people."),
        Key::new(
            "cron",
            Shape::Text,
            "When: a cron expression such as `0 6 * * mon-fri`, \
             or @hourly, @daily and the like.",
        )
        .required("cron: \"0 6 * * *\""),
        Key::new(
            "timezone",
            Shape::Text,
            "The time zone of `cron`, such as Europe/Berlin; UTC unless told.",
        ),
        Key::new(
            "command",
            Shape::Word(&["build", "run", "test", "seed"]),
            "What runs; `build` unless told.",
        ),
        Key::new(
            "select",
            Shape::OneOrMore(&Shape::Text),
            "The nodes that it works on, as --select has it.",
        ),
        Key::new(
            "exclude",
            Shape::OneOrMore(&Shape::Text),
            "The nodes that are left out, as --exclude has it.",
        ),
        Key::new("target", Shape::Text, "The target, as --target has it."),
        Key::new("vars", Shape::Map(&Shape::Anything), "Variables, as --vars has them."),
        Key::new("full_refresh", Shape::Flag, "Whether everything is made anew."),
        Key::new(
            "catchup",
            Shape::Word(&["none", "last", "all"]),
            "What happens to times that passed while no scheduler ran: nothing, one run for the latest (unless told), \
             or a run for each.",
        ),
        Key::new(
            "overlap",
            Shape::Word(&["skip", "queue", "cancel_previous"]),
            "What happens at a time at which the run before is still running: the new run is left out (unless told), \
             it waits, or the old one is stopped.",
        ),
        Key::new(
            "retries",
            Shape::Whole { least: 0, most: 100 },
            "How often a run that failed is tried again; \
             never unless told.",
        ),
        Key::new(
            "retry_delay",
            Shape::Formed(&DURATION),
            "How long the first retry waits, 1m unless told; each further one waits twice as long.",
        ),
        Key::new("timeout", Shape::Formed(&DURATION), "How long a run may take."),
        Key::new("pool", Shape::Text, "The pool whose slots it shares with other jobs."),
        Key::new(
            "on_success",
            Shape::OneOrMore(&Shape::Object(&HOOK)),
            "What happens after a run that went well.",
        ),
        Key::new(
            "on_failure",
            Shape::OneOrMore(&Shape::Object(&HOOK)),
            "What happens after a run that failed, retries included.",
        ),
        Key::new("enabled", Shape::Flag, "Whether it runs at all."),
    ],
)
.with_hyphens();

/// A hook.
pub(crate) static HOOK: Object = Object::new(
    "hook",
    "a hook of a job",
    &[
        Key::new(
            "command",
            Shape::Text,
            "A command for the shell. What happened is in its environment.",
        ),
        Key::new(
            "webhook",
            Shape::Text,
            "An address that what happened is sent to, as JSON.",
        ),
    ],
);
