//! What the processes are that other tests start: this program again, told to run one of these.

use refuel_schedule::{Event, Projects, Reload, Watch, supervise};

use crate::desk::{Desk, FOLDER};

/// The process that watches an attempt. The file of the store and the number of the attempt are its last arguments,
/// which the test harness takes for names of tests that aren't there.
#[test]
#[ignore = "a process that other tests start"]
fn watcher() {
    let arguments: Vec<String> = std::env::args().collect();
    let [.., file, attempt] = &arguments[..] else {
        panic!("{arguments:?}");
    };
    supervise(file.as_ref(), attempt.parse().unwrap()).unwrap();
}

struct Jobs {
    desk: Desk,
    watch: Watch,
}

impl Projects for Jobs {
    fn reload(&mut self, asked: bool) -> Option<Reload> {
        (self.watch.changed() || asked).then(|| match self.desk.timetable() {
            Ok(table) => Reload {
                table: Some(table),
                problems: Vec::new(),
            },
            Err(problem) => Reload {
                table: None,
                problems: vec![problem],
            },
        })
    }
}

/// A daemon. It writes its events to standard output, and ends with status 1 where a run failed.
#[test]
#[ignore = "a process that other tests start"]
fn daemon() {
    let desk = Desk::at(std::env::var_os(FOLDER).unwrap().into());
    let table = desk.timetable().unwrap();
    let options = desk.options(std::env::var_os("REFUEL_TEST_ONCE").is_some());
    let watch = Watch::new([desk.path("jobs.json")]);
    let mut tell = |event: Event| println!("event {event}");
    let outcome = refuel_schedule::run(&options, table, &mut Jobs { desk, watch }, &mut tell);
    match outcome {
        Ok(outcome) => assert_eq!(outcome.failed, 0),
        Err(error) => {
            println!("event error {} {error}", error.code());
            std::process::exit(2);
        }
    }
}
