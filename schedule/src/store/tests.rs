use super::*;
use crate::plan::{Decision, Ended, Settled};
use crate::process::Identity;
use crate::settings::{Job, JobSettings};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn job(folder: &Path, cron: &str) -> Job {
    Job::new(JobSettings::new("shop", folder, "nightly", cron)).unwrap()
}

fn task(folder: &Path) -> Task {
    Task {
        program: "true".into(),
        arguments: vec!["build".to_owned()],
        folder: folder.to_owned(),
        variables: Vec::new(),
        timeout: None,
        grace: Duration::from_secs(1),
    }
}

fn at(time: Timestamp) -> impl FnOnce(Timestamp, &[crate::plan::Open]) -> Decision {
    move |_, _| Decision {
        runs: vec![(time, false)],
        skips: Vec::new(),
        cancel: Vec::new(),
        decided_until: time,
    }
}

/// When everything up to a moment is decided.
fn decided_until(store: &mut Store, job: Registered) -> Timestamp {
    let mut seen = None;
    store
        .decide(job, |until, _| {
            seen = Some(until);
            Decision {
                runs: Vec::new(),
                skips: Vec::new(),
                cancel: Vec::new(),
                decided_until: until,
            }
        })
        .unwrap();
    seen.unwrap()
}

#[test]
fn one_time_of_a_job_is_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let now = time("2026-03-01T00:00:00Z");
    let registered = store.register(&job(folder.path(), "@daily"), now).unwrap();
    assert_eq!(store.decide(registered, at(now)).unwrap().1.len(), 1);
    assert_eq!(store.decide(registered, at(now)).unwrap().1.len(), 0);
    // Somebody asks twice within a millisecond.
    let (first, second) = (
        store.trigger(registered, now).unwrap(),
        store.trigger(registered, now).unwrap(),
    );
    assert_ne!(first, second);
    assert_eq!(store.open_runs().unwrap().len(), 3);
}

#[test]
fn of_all_who_claim_a_run_and_take_its_attempt_over_one_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (Store::open(folder.path()).unwrap(), Store::open(folder.path()).unwrap());
    let now = time("2026-03-01T00:00:00Z");
    let registered = one.register(&job(folder.path(), "@daily"), now).unwrap();
    let run = one.decide(registered, at(now)).unwrap().1[0];
    let log = |number| PathBuf::from(format!("log-{number}"));
    let attempt = one.claim(run, &task(folder.path()), log, now).unwrap().unwrap();
    assert_eq!(two.claim(run, &task(folder.path()), log, now).unwrap(), None);
    let own = Identity::own();
    assert_eq!(two.take_over(attempt, &own, now).unwrap(), Some(task(folder.path())));
    assert_eq!(one.take_over(attempt, &own, now).unwrap(), None);
    // And it ends, and is settled, once.
    let end = AttemptEnd {
        ended: Ended::Failed,
        exit_code: Some(1),
        signal: None,
    };
    assert!(two.end_attempt(attempt, end, now).unwrap());
    assert!(!one.end_attempt(attempt, end, now).unwrap());
    assert!(
        one.settle(run, &Settled::Again(Duration::from_secs(5)), &[], now)
            .unwrap()
    );
    assert!(!two.settle(run, &Settled::Success, &[], now).unwrap());
    let second = two.claim(run, &task(folder.path()), log, now).unwrap().unwrap();
    assert_eq!(two.attempt(second).unwrap().unwrap().log, Path::new("log-2"));
    assert_eq!(two.tally(run).unwrap(), (1, 0));
}

#[test]
fn an_attempt_that_is_to_stop_is_not_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let now = time("2026-03-01T00:00:00Z");
    let registered = store.register(&job(folder.path(), "@daily"), now).unwrap();
    let run = store.decide(registered, at(now)).unwrap().1[0];
    let log = |_| PathBuf::from("log");
    let attempt = store.claim(run, &task(folder.path()), log, now).unwrap().unwrap();
    store.stop_all(StopReason::Interrupted).unwrap();
    assert_eq!(store.take_over(attempt, &Identity::own(), now).unwrap(), None);
}

#[test]
fn a_job_was_never_due_before_it_was_known_switched_on_or_had_its_expression() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let [first, second, third, fourth] = [1, 2, 3, 4].map(|day| time(&format!("2026-03-0{day}T00:00:00Z")));
    let mut daily = job(folder.path(), "@daily");
    let registered = store.register(&daily, first).unwrap();
    assert_eq!(decided_until(&mut store, registered), first);
    // As it was: what is missed is missed.
    assert_eq!(store.register(&daily, second).unwrap(), registered);
    assert_eq!(decided_until(&mut store, registered), first);
    store.register(&job(folder.path(), "@hourly"), second).unwrap();
    assert_eq!(decided_until(&mut store, registered), second);
    daily = job(folder.path(), "@hourly");
    daily.settings.enabled = false;
    store.register(&daily, third).unwrap();
    daily.settings.enabled = true;
    store.register(&daily, fourth).unwrap();
    assert_eq!(decided_until(&mut store, registered), fourth);
}

#[test]
fn old_runs_are_forgotten_and_the_last_of_a_job_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let registered = store
        .register(&job(folder.path(), "@daily"), time("2026-03-01T00:00:00Z"))
        .unwrap();
    for day in 1..=5 {
        let now = time(&format!("2026-03-0{day}T00:00:00Z"));
        let run = store.decide(registered, at(now)).unwrap().1[0];
        let log = |_| PathBuf::from(format!("log-{day}"));
        store.claim(run, &task(folder.path()), log, now).unwrap().unwrap();
        store.settle(run, &Settled::Success, &[], now).unwrap();
    }
    let logs = |names: &[&str]| -> Vec<PathBuf> { names.iter().map(PathBuf::from).collect() };
    assert_eq!(store.forget(4, Timestamp::MIN).unwrap(), logs(&["log-1"]));
    assert_eq!(
        store.forget(4, time("2026-03-03T12:00:00Z")).unwrap(),
        logs(&["log-3", "log-2"])
    );
    assert_eq!(store.forget(4, Timestamp::MAX).unwrap(), logs(&["log-4"]));
    assert_eq!(store.forget(0, Timestamp::MAX).unwrap(), logs(&[]));
}

#[test]
fn a_file_of_a_later_version_or_one_that_is_none_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let file = folder.path().join(Store::FILE);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    store.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    let later = Store::open(folder.path()).unwrap_err();
    assert_eq!(later.code(), "RF1613");
    std::fs::write(
        &file,
        "this is a letter to a friend, and it is much longer than a header of a database",
    )
    .unwrap();
    let letter = Store::open(folder.path()).unwrap_err();
    assert_eq!((letter.code(), letter.is_wrong_request()), ("RF1612", false));
    assert!(letter.hint().unwrap().contains("move it away"), "{letter:?}");
}
