//! What a host says when it refuses.

use std::io::Write;

use super::host::{Peer, Place, script};
use super::*;

#[test]
fn a_refusal_is_told_at_once_with_the_words_of_the_host_and_the_session_goes_on() {
    let place = Place::new();
    let host = place.host(vec![
        script(|mut peer| {
            peer.welcome();
            let Some(ToHost::Prepare { task, .. }) = peer.hear() else {
                panic!("a task comes first")
            };
            peer.say(&ToClient::Failed(Failure {
                task: Some(task),
                ..failure("RF0301", true)
            }));
        }),
        script(|mut peer| {
            peer.welcome();
            let ask = peer.ask().unwrap();
            peer.say(&ToClient::Failed(Failure {
                request: Some(ask.request),
                ..failure("RF0503", false)
            }));
        }),
        script(Peer::serve),
        // The last word of a host that refuses the client itself.
        script(|mut peer| {
            peer.stream.write_all(&Preamble::own().to_bytes()).unwrap();
            peer.say(&ToClient::Failed(failure("RF0810", true)));
        }),
    ]);
    let mut session = place.session();
    for code in ["RF0301", "RF0503"] {
        let error = ask(&mut session, &inputs(1)).unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (code, "no such model"));
        assert_eq!(error.hint().as_deref(), Some("pull it"));
    }
    assert_answered(ask(&mut session, &inputs(3)), &inputs(3));
    drop(session);
    let error = ask(&mut place.session(), &inputs(1)).unwrap_err();
    assert_eq!(error.code(), "RF0810");
    host.join().unwrap();
}

/// A client that has said nothing yet when the host closes its side gets an error for its first word; the host's reason
/// was lost with it.
#[test]
fn a_refusal_is_heard_however_soon_the_host_closes() {
    const TIMES: usize = 300;
    let place = Place::new();
    let refusing = || {
        script(|mut peer| {
            let mut words = Preamble::own().to_bytes().to_vec();
            encode(&ToClient::Failed(failure("RF0810", true)), &mut words).unwrap();
            let _ = peer.stream.write_all(&words);
        })
    };
    let host = place.host((0..TIMES).map(|_| refusing()).collect());
    for _ in 0..TIMES {
        let error = ask(&mut place.session(), &inputs(1)).unwrap_err();
        assert_eq!(error.code(), "RF0810");
    }
    host.join().unwrap();
}
