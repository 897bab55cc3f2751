//! Sessions against a host that does as it is told.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::*;
use crate::wire::{Ask, Failure, PREAMBLE_BYTES, PROTOCOL, Preamble, STOPPING, Welcome, encode};

mod host;
mod refusals;

use host::{Peer, Place, Script, WINDOW, echo, prepared, script};

fn spec(name: &str) -> TaskSpec {
    TaskSpec {
        name: name.to_owned(),
        json: "{}".to_owned(),
        model: None,
    }
}

fn inputs(count: usize) -> Vec<Input> {
    (0..count).map(|number| Input::Text(format!("text {number}"))).collect()
}

fn ask(session: &mut Session, inputs: &[Input]) -> Result<(Vec<Answer>, Work), ClientError> {
    session.answer(&spec("topic"), false, inputs, &mut Blocking::default(), &mut |_| ())
}

#[track_caller]
fn assert_answered(result: Result<(Vec<Answer>, Work), ClientError>, inputs: &[Input]) -> Work {
    let (answers, work) = result.unwrap();
    assert!(
        answers == inputs.iter().map(echo).collect::<Vec<_>>(),
        "answers are not their inputs'"
    );
    work
}

#[test]
fn answers_come_back_in_the_order_of_the_inputs_whatever_the_order_of_the_replies() {
    let place = Place::new();
    let host = place.host(vec![script(|mut peer| {
        peer.welcome();
        let mut ask = peer.ask().unwrap();
        ask.inputs.reverse();
        for part in ask.inputs.chunks(3) {
            peer.answer(ask.request, part);
        }
        peer.done(ask.request);
    })]);
    let (inputs, mut counted) = (inputs(100), Vec::new());
    let mut session = place.session();
    let result = session.answer(&spec("topic"), true, &inputs, &mut Blocking::default(), &mut |more| {
        counted.push(more);
    });
    let work = assert_answered(result, &inputs);
    assert_eq!(work.batches, 1);
    assert_eq!((counted.len(), counted.iter().sum::<usize>()), (34, 100));
    host.join().unwrap();
}

#[test]
fn a_task_is_settled_once_a_connection_and_inputs_of_several_tasks_share_it() {
    let place = Place::new();
    let host = place.host(vec![script(|mut peer| {
        peer.welcome();
        let mut settled = 0;
        while let Some(message) = peer.hear() {
            match message {
                ToHost::Prepare { task, .. } => {
                    settled += 1;
                    let prepared = prepared();
                    peer.say(&ToClient::Prepared { task, prepared });
                }
                ToHost::Ask(ask) => {
                    peer.answer(ask.request, &ask.inputs);
                    peer.done(ask.request);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(settled, 2, "each task once");
    })]);
    let mut session = place.session();
    let waiter = &mut Blocking::default();
    assert_eq!(session.prepared(&spec("a")), None);
    for round in 0..4 {
        for name in ["a", "b"] {
            let inputs = inputs(3 + round);
            assert_answered(
                session.answer(&spec(name), false, &inputs, waiter, &mut |_| ()),
                &inputs,
            );
        }
    }
    assert_eq!(session.prepared(&spec("a")), Some(&prepared()));
    drop(session);
    host.join().unwrap();
}

#[test]
fn a_host_that_dies_in_the_middle_is_asked_for_the_rest_when_it_is_back() {
    let place = Place::new();
    let first = place.host(vec![script(|mut peer| {
        peer.welcome();
        let ask = peer.ask().unwrap();
        peer.answer(ask.request, &ask.inputs[10..30]);
    })]);
    let inputs = inputs(100);
    let result = thread::scope(|scope| {
        let asking = scope.spawn(|| ask(&mut place.session(), &inputs));
        first.join().unwrap();
        std::fs::remove_file(&place.path).unwrap();
        thread::sleep(Duration::from_millis(300));
        let second = place.host(vec![
            script(|mut peer| {
                peer.welcome();
                let ask = peer.ask().unwrap();
                assert_eq!(ask.inputs.len(), 80, "what is answered is not asked again");
                // Half a message, and gone.
                let answers = vec![(0, echo(&ask.inputs[0].1))];
                let mut bytes = Vec::new();
                encode(
                    &ToClient::Answers {
                        request: ask.request,
                        answers,
                    },
                    &mut bytes,
                )
                .unwrap();
                peer.stream.write_all(&bytes[..bytes.len() / 2]).unwrap();
            }),
            script(Peer::serve),
        ]);
        let result = asking.join().unwrap();
        second.join().unwrap();
        result
    });
    assert_answered(result, &inputs);
}

#[test]
fn a_host_that_says_it_is_stopping_is_asked_again_when_it_is_back() {
    let place = Place::new();
    let host = place.host(vec![
        script(|mut peer| {
            peer.welcome();
            let ask = peer.ask().unwrap();
            peer.say(&ToClient::Failed(Failure {
                request: Some(ask.request),
                ..failure(STOPPING, false)
            }));
        }),
        script(Peer::serve),
    ]);
    let mut session = place.session();
    assert_answered(ask(&mut session, &inputs(5)), &inputs(5));
    drop(session);
    host.join().unwrap();
}

#[test]
fn a_connection_that_broke_while_nothing_was_asked_is_opened_anew() {
    let place = Place::new();
    let mut session = place.patient(Duration::ZERO);
    let host = place.host(vec![
        script(|mut peer| {
            peer.welcome();
            let ask = peer.ask().unwrap();
            peer.answer(ask.request, &ask.inputs);
            peer.done(ask.request);
        }),
        script(Peer::serve),
    ]);
    assert_answered(ask(&mut session, &inputs(2)), &inputs(2));
    thread::sleep(Duration::from_millis(50));
    assert_answered(ask(&mut session, &inputs(2)), &inputs(2));
    drop(session);
    host.join().unwrap();
}

#[test]
fn inputs_that_end_the_host_each_time_are_given_up() {
    let place = Place::new();
    let deaths = Arc::new(AtomicUsize::new(0));
    let dies = |_| {
        let deaths = Arc::clone(&deaths);
        script(move |mut peer: Peer| {
            peer.welcome();
            peer.ask().unwrap();
            deaths.fetch_add(1, Ordering::SeqCst);
        })
    };
    place.host((0..20).map(dies).collect());
    let error = ask(&mut place.session(), &inputs(2)).unwrap_err();
    assert_eq!(error.code(), "RF0707", "{error}");
    assert_eq!(deaths.load(Ordering::SeqCst) as u32, MOST_LOSSES + 1);
}

#[test]
fn without_a_host_the_error_says_how_to_start_one_and_how_long_it_was_waited() {
    let place = Place::new();
    let error = ask(&mut place.patient(Duration::ZERO), &inputs(1)).unwrap_err();
    let path = place.path.display();
    assert_eq!(error.to_string(), format!("no host answers at {path}"));
    assert_eq!(
        error.hint(),
        Some(format!("start one with `refuel host --socket {path}`"))
    );
    // A socket that nobody listens on is no host either.
    drop(UnixListener::bind(&place.path).unwrap());
    let started = Instant::now();
    let error = ask(&mut place.patient(Duration::from_millis(300)), &inputs(1)).unwrap_err();
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(error.to_string().contains("waited 0.3 s for one"), "{error}");
    assert_eq!(error.code(), "RF0702");
}

#[test]
fn sides_of_different_versions_tell_which_is_the_older() {
    for (protocol, version, side) in [
        (
            PROTOCOL + 1,
            "9.0.0",
            "this client is the older side: bring it to version 9.0.0",
        ),
        (PROTOCOL - 1, "0.0.9", "the host is the older side"),
    ] {
        let place = Place::new();
        let host = place.host(vec![script(move |mut peer| {
            let version = version.to_owned();
            peer.stream
                .write_all(&Preamble { protocol, version }.to_bytes())
                .unwrap();
        })]);
        let error = ask(&mut place.session(), &inputs(1)).unwrap_err();
        assert_eq!(error.code(), "RF0704");
        assert!(error.to_string().contains(version), "{error}");
        assert!(error.hint().unwrap().contains(side), "{:?}", error.hint());
        host.join().unwrap();
    }
}

#[test]
fn whatever_is_no_reply_to_the_question_is_told_as_such() {
    let answers = |request: u64, numbers: &[u64]| {
        let answer = |number: &u64| (*number, echo(&Input::Text(String::new())));
        ToClient::Answers {
            request,
            answers: numbers.iter().map(answer).collect(),
        }
    };
    let done = |request| ToClient::Done {
        request,
        work: Work::default(),
    };
    for (replies, what) in [
        (vec![answers(1, &[0, 1, 1])], "it answered input 1 twice"),
        (vec![answers(1, &[0]), answers(1, &[0])], "it answered input 0 twice"),
        (
            vec![answers(1, &[0, 9])],
            "it answered input 9, which request 1 does not have",
        ),
        (vec![answers(7, &[0])], "it answered request 7, which is not under way"),
        (
            vec![answers(1, &[0, 1, 2]), done(1)],
            "it ended request 1 with 1 inputs unanswered",
        ),
        (vec![done(2)], "it ended request 2, which is not under way"),
        (
            vec![ToClient::Prepared {
                task: 0,
                prepared: prepared(),
            }],
            "it was asked for answers and said something else",
        ),
    ] {
        let place = Place::new();
        let host = place.host(vec![script(move |mut peer| {
            peer.welcome();
            peer.ask().unwrap();
            replies.iter().for_each(|reply| peer.say(reply));
            assert_eq!(peer.hear(), None, "the client hangs up");
        })]);
        let error = ask(&mut place.session(), &inputs(4)).unwrap_err();
        assert_eq!(error.code(), "RF0706");
        assert!(error.to_string().ends_with(what), "{error}");
        host.join().unwrap();
    }
}

#[test]
fn garbage_is_no_host() {
    for (garbage, what) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"[..],
            "something else than a host listens there",
        ),
        (&[0xff; 64][..], "something else than a host listens there"),
    ] {
        let place = Place::new();
        place.host(vec![script(move |mut peer| peer.stream.write_all(garbage).unwrap())]);
        let error = ask(&mut place.session(), &inputs(1)).unwrap_err();
        assert!(error.to_string().ends_with(what), "{error}");
    }
    for garbage in [&[0xff; 64][..], &[4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]] {
        let place = Place::new();
        place.host(vec![script(move |mut peer| {
            peer.welcome();
            peer.ask().unwrap();
            peer.stream.write_all(garbage).unwrap();
        })]);
        let error = ask(&mut place.session(), &inputs(1)).unwrap_err();
        assert_eq!(error.code(), "RF0706", "{error}");
    }
}

fn failure(code: &str, wrong_request: bool) -> Failure {
    Failure {
        request: None,
        task: None,
        code: code.to_owned(),
        message: "no such model".to_owned(),
        hint: Some("pull it".to_owned()),
        wrong_request,
    }
}

/// A host that takes inputs, says nothing, and sees the client go.
fn mute(gone: &Arc<AtomicBool>) -> Script {
    let gone = Arc::clone(gone);
    script(move |mut peer| {
        peer.welcome();
        peer.ask().unwrap();
        assert_eq!(peer.hear(), None);
        gone.store(true, Ordering::SeqCst);
    })
}

#[test]
fn who_stops_while_waiting_is_back_within_100_ms_and_the_host_hears_of_it() {
    let place = Place::new();
    let gone = Arc::new(AtomicBool::new(false));
    let host = place.host(vec![mute(&gone), script(Peer::serve)]);
    let mut session = place.session();
    let started = Instant::now();
    let at = Duration::from_millis(300);
    let stop = || started.elapsed() > at;
    let error = session
        .answer(
            &spec("topic"),
            false,
            &inputs(3),
            &mut Blocking::until(&stop),
            &mut |_| (),
        )
        .unwrap_err();
    let late = started.elapsed().saturating_sub(at);
    assert_eq!(error.code(), "RF0709");
    assert!(late < Duration::from_millis(100), "{late:?}");
    assert_answered(ask(&mut session, &inputs(3)), &inputs(3));
    assert!(gone.load(Ordering::SeqCst));
    drop(session);
    host.join().unwrap();
}

#[test]
fn who_stops_while_there_is_no_host_is_back_within_100_ms() {
    let place = Place::new();
    let started = Instant::now();
    let at = Duration::from_millis(900);
    let stop = || started.elapsed() > at;
    let error = place
        .session()
        .report(ReportKind::Host, &mut Blocking::until(&stop))
        .unwrap_err();
    let late = started.elapsed().saturating_sub(at);
    assert_eq!(error.code(), "RF0709");
    assert!(late < Duration::from_millis(100), "{late:?}");
}

/// Unwinds out of the fifth wait, as a database does when a query is cancelled.
struct Unwinding(Blocking<'static>, usize);

impl Waiter for Unwinding {
    fn wait(
        &mut self,
        socket: std::os::fd::BorrowedFd<'_>,
        interest: Interest,
        timeout: Duration,
    ) -> Result<(), Stopped> {
        self.1 += 1;
        if self.1 > 4 {
            std::panic::resume_unwind(Box::new("cancelled"));
        }
        self.0.wait(socket, interest, timeout.min(Duration::from_millis(100)))
    }

    fn sleep(&mut self, time: Duration) -> Result<(), Stopped> {
        self.0.sleep(time)
    }
}

#[test]
fn a_session_that_was_left_by_unwinding_is_fit_for_the_next_request() {
    let place = Place::new();
    let gone = Arc::new(AtomicBool::new(false));
    let host = place.host(vec![mute(&gone), script(Peer::serve)]);
    let mut session = place.session();
    let mut waiter = Unwinding(Blocking::default(), 0);
    let left = catch_unwind(AssertUnwindSafe(|| {
        session.answer(&spec("topic"), false, &inputs(3), &mut waiter, &mut |_| ())
    }));
    assert!(left.is_err());
    assert_answered(ask(&mut session, &inputs(3)), &inputs(3));
    assert!(gone.load(Ordering::SeqCst), "the connection was closed");
    drop(session);
    host.join().unwrap();
}

#[test]
fn inputs_larger_than_the_window_go_one_by_one_and_the_others_in_messages_of_4_mib() {
    let place = Place::new();
    let host = place.host(vec![script(|mut peer| {
        peer.welcome();
        // Requests wait until nothing more comes, so that what is under way together is seen.
        let mut waiting: Vec<Ask> = Vec::new();
        let mut most = 0;
        let mut answered = 0;
        peer.stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        while answered < 1003 {
            if let Some(ask) = peer.ask() {
                let bytes: usize = ask.inputs.iter().map(|(_, input)| input.bytes()).sum();
                assert!(
                    bytes <= 4 << 20 || ask.inputs.len() == 1,
                    "{bytes} bytes in one message"
                );
                waiting.push(ask);
                continue;
            }
            let under_way = waiting.iter().flat_map(|ask| &ask.inputs);
            let bytes: usize = under_way.clone().map(|(_, input)| input.bytes()).sum();
            assert!(
                bytes as u64 <= WINDOW || under_way.count() == 1,
                "{bytes} bytes under way"
            );
            most = most.max(waiting.len());
            for ask in waiting.drain(..) {
                answered += ask.inputs.len();
                peer.answer(ask.request, &ask.inputs);
                peer.done(ask.request);
            }
        }
        assert!(most > 1, "requests are under way together");
    })]);
    let mut many = vec![Input::Text("x".repeat(10_000_000))];
    many.extend((0..1000).map(|number| Input::Text(format!("{number}").repeat(10_000))));
    many.extend([Input::Text(String::new()), Input::Text("y".repeat(10_000_000))]);
    let mut session = place.session();
    let result = ask(&mut session, &many);
    host.join().unwrap();
    assert_answered(result, &many);
    let connection = session.connection.as_ref().unwrap();
    assert!(
        connection.buffered() < 3 << 20,
        "{} bytes are held",
        connection.buffered()
    );
}

#[test]
fn a_slow_host_that_sends_byte_after_byte_is_waited_for() {
    let place = Place::new();
    let host = place.host(vec![script(|mut peer| {
        for byte in Preamble::own().to_bytes() {
            peer.stream.write_all(&[byte]).unwrap();
            thread::sleep(Duration::from_millis(2));
        }
        let mut preamble = [0; PREAMBLE_BYTES];
        peer.stream.read_exact(&mut preamble).unwrap();
        peer.hear().unwrap();
        let mut bytes = Vec::new();
        encode(
            &ToClient::Welcome(Welcome {
                pid: 1,
                window_bytes: 1,
            }),
            &mut bytes,
        )
        .unwrap();
        let dribble = |peer: &mut Peer, bytes: &[u8]| {
            for byte in bytes {
                peer.stream.write_all(&[*byte]).unwrap();
                thread::sleep(Duration::from_millis(1));
            }
        };
        dribble(&mut peer, &bytes);
        // A window of one byte: input after input.
        for _ in 0..3 {
            let ask = peer.ask().unwrap();
            assert_eq!(ask.inputs.len(), 1);
            let answers = vec![(ask.inputs[0].0, echo(&ask.inputs[0].1))];
            let (request, work) = (ask.request, Work::default());
            let mut bytes = Vec::new();
            encode(&ToClient::Answers { request, answers }, &mut bytes).unwrap();
            encode(&ToClient::Done { request, work }, &mut bytes).unwrap();
            dribble(&mut peer, &bytes);
        }
    })]);
    assert_answered(ask(&mut place.session(), &inputs(3)), &inputs(3));
    host.join().unwrap();
}

#[test]
fn a_host_on_tcp_is_reached() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let host = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&Preamble::own().to_bytes()).unwrap();
        let mut bytes = Vec::new();
        encode(
            &ToClient::Welcome(Welcome {
                pid: 1,
                window_bytes: 1,
            }),
            &mut bytes,
        )
        .unwrap();
        encode(&ToClient::Report(Report::Models(Vec::new())), &mut bytes).unwrap();
        stream.write_all(&bytes).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
    });
    let address: Address = format!("tcp://127.0.0.1:{port}").parse().unwrap();
    let session = || Session::new(address.clone(), Hello::default(), Duration::ZERO);
    let report = session().report(ReportKind::Models, &mut Blocking::default()).unwrap();
    assert_eq!(report, Report::Models(Vec::new()));
    host.join().unwrap();
    let error = session()
        .report(ReportKind::Models, &mut Blocking::default())
        .unwrap_err();
    assert_eq!(error.code(), "RF0702", "{error}");
}
