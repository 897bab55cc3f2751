//! The one place where models run: windows of inputs of all nodes wait here for their turn.
//!
//! A model takes every core that it gets, so that two at once would only take them from each other. One thread takes one
//! window after the other, from the nodes in turn: a node with a million inputs doesn't hold up one with ten. Nodes keep
//! a second window waiting while the first runs, so that the model never waits for SQL.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use refuel_engine::{Cancel, EngineError};
use refuel_task::{Answer, RenderedInput};

use crate::error::RunError;
use crate::models::Answerer;

/// How often a wait for answers looks for Ctrl-C.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// What came of a window.
pub(crate) type Answers = Result<Answered, RunError>;

/// The answers to a window, in the order of its inputs.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The answers.
    pub(crate) answers: Vec<Answer>,
    /// From the first input to the last, in seconds.
    pub(crate) seconds: f64,
}

/// Is called with the answers of a window before anybody else sees them, in the thread that runs models: whatever is kept
/// here is kept before the next window begins.
pub(crate) type Keep = Box<dyn Fn(&Answered) -> Result<(), RunError> + Send>;

struct Job {
    answerer: Arc<dyn Answerer>,
    inputs: Vec<RenderedInput>,
    cancel: Cancel,
    keep: Keep,
    reply: Sender<Answers>,
}

#[derive(Default)]
struct Lanes {
    /// Windows that wait, by node.
    waiting: Vec<(usize, VecDeque<Job>)>,
    /// The lane whose turn it is.
    next: usize,
    closed: bool,
}

impl Lanes {
    fn push(&mut self, node: usize, job: Job) {
        match self.waiting.iter_mut().find(|(lane, _)| *lane == node) {
            Some((_, jobs)) => jobs.push_back(job),
            None => self.waiting.push((node, VecDeque::from([job]))),
        }
    }

    /// The first window of the lane whose turn it is. A lane without windows is forgotten.
    fn pop(&mut self) -> Option<Job> {
        if self.waiting.is_empty() {
            return None;
        }
        let at = self.next % self.waiting.len();
        let job = self.waiting[at].1.pop_front();
        if self.waiting[at].1.is_empty() {
            self.waiting.remove(at);
            self.next = at;
        } else {
            self.next = at + 1;
        }
        job
    }
}

/// Windows that wait for a model.
#[derive(Default)]
pub(crate) struct Pool {
    lanes: Mutex<Lanes>,
    changed: Condvar,
}

/// Answers that will come.
pub(crate) struct Ticket {
    reply: Receiver<Answers>,
    cancel: Cancel,
}

impl Ticket {
    /// Waits for the answers.
    ///
    /// # Errors
    /// Those of the model, and [`RunError::Cancelled`] at once when the work was cancelled, wherever the window is.
    pub(crate) fn wait(self) -> Answers {
        loop {
            match self.reply.recv_timeout(LOOK_EVERY) {
                Ok(answers) => return answers,
                Err(RecvTimeoutError::Timeout) if self.cancel.is_cancelled() => return Err(RunError::Cancelled),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(RunError::Stopped {
                        part: "the thread that runs models",
                    });
                }
            }
        }
    }
}

impl Pool {
    /// Puts a window into the line of a node.
    pub(crate) fn ask(
        &self,
        node: usize,
        answerer: &Arc<dyn Answerer>,
        inputs: Vec<RenderedInput>,
        cancel: &Cancel,
        keep: Keep,
    ) -> Ticket {
        let (reply, receiver) = channel();
        let job = Job {
            answerer: Arc::clone(answerer),
            inputs,
            cancel: cancel.clone(),
            keep,
            reply,
        };
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.push(node, job);
        drop(lanes);
        self.changed.notify_one();
        Ticket {
            reply: receiver,
            cancel: cancel.clone(),
        }
    }

    /// Runs windows until the pool is closed and none is left. The caller gives the thread.
    pub(crate) fn work(&self) {
        loop {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            let job = loop {
                if let Some(job) = lanes.pop() {
                    break job;
                }
                if lanes.closed {
                    return;
                }
                lanes = self.changed.wait(lanes).unwrap_or_else(PoisonError::into_inner);
            };
            drop(lanes);
            run(&job);
        }
    }

    /// Lets [`Pool::work`] end.
    pub(crate) fn close(&self) {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changed.notify_all();
    }
}

fn run(job: &Job) {
    let answers = if job.cancel.is_cancelled() {
        Err(RunError::Cancelled)
    } else {
        let started = Instant::now();
        // A panic of one node's task must not leave the others waiting.
        let answered = catch_unwind(AssertUnwindSafe(|| {
            job.answerer.answer(&job.inputs, &job.cancel, &mut |_| {})
        }));
        match answered {
            Ok(Ok(answers)) if answers.len() == job.inputs.len() => {
                let answered = Answered {
                    answers,
                    seconds: started.elapsed().as_secs_f64(),
                };
                (job.keep)(&answered).map(|()| answered)
            }
            Ok(Ok(answers)) => Err(failed(
                job,
                format!("{} inputs got {} answers", job.inputs.len(), answers.len()),
            )),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(failed(job, "it panicked".to_owned())),
        }
    };
    // Who asked may be gone: then nobody needs the answers, and what was kept is kept.
    let _ = job.reply.send(answers);
}

fn failed(job: &Job, reason: String) -> RunError {
    RunError::Engine(EngineError::RunFailed {
        model: job.answerer.model().to_owned(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use refuel_engine::Estimate;
    use refuel_task::Status;

    use super::*;

    /// Answers every input with its own text, so slowly a window.
    struct Echo {
        wait: Duration,
        order: Mutex<Vec<String>>,
    }

    impl Echo {
        fn new(milliseconds: u64) -> Arc<Self> {
            Arc::new(Self {
                wait: Duration::from_millis(milliseconds),
                order: Mutex::default(),
            })
        }
    }

    impl Answerer for Echo {
        fn model(&self) -> &'static str {
            "echo@1"
        }

        fn digest(&self) -> &'static str {
            "1"
        }

        fn fingerprint(&self) -> &'static str {
            "f"
        }

        fn device(&self) -> Option<String> {
            None
        }

        fn notes(&self) -> Vec<String> {
            Vec::new()
        }

        fn is_kept(&self, inputs: &[RenderedInput]) -> Vec<bool> {
            vec![false; inputs.len()]
        }

        fn estimate(&self, _: &[RenderedInput], _: &Cancel) -> Result<Estimate, EngineError> {
            Err(EngineError::Cancelled)
        }

        fn answer(
            &self,
            inputs: &[RenderedInput],
            _cancel: &Cancel,
            on_rows: &mut dyn FnMut(usize),
        ) -> Result<Vec<Answer>, EngineError> {
            thread::sleep(self.wait);
            assert!(inputs[0].text != "panic", "on purpose");
            self.order.lock().unwrap().push(inputs[0].text.clone());
            on_rows(inputs.len());
            let answer = |input: &RenderedInput| Answer {
                value: input.text.clone().into(),
                status: Status::Ok,
                ..Answer::error("echo@1", "")
            };
            Ok(inputs.iter().map(answer).collect())
        }
    }

    fn ask(pool: &Pool, node: usize, echo: &Arc<Echo>, text: &str, cancel: &Cancel) -> Ticket {
        let answerer: Arc<dyn Answerer> = Arc::clone(echo) as Arc<dyn Answerer>;
        let inputs = vec![RenderedInput::text(text)];
        pool.ask(node, &answerer, inputs, cancel, Box::new(|_| Ok(())))
    }

    #[test]
    fn nodes_take_turns() {
        let (pool, echo, cancel) = (Pool::default(), Echo::new(0), Cancel::new());
        let tickets: Vec<Ticket> = [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (2, "b2")]
            .into_iter()
            .map(|(node, text)| ask(&pool, node, &echo, text, &cancel))
            .collect();
        pool.close();
        pool.work();
        assert_eq!(*echo.order.lock().unwrap(), ["a1", "b1", "a2", "b2", "a3"]);
        for ticket in tickets {
            ticket.wait().unwrap();
        }
    }

    #[test]
    fn answers_are_kept_before_the_next_window_begins() {
        let (pool, echo, cancel) = (Pool::default(), Echo::new(0), Cancel::new());
        let kept = Arc::new(AtomicUsize::new(0));
        let answerer: Arc<dyn Answerer> = Arc::clone(&echo) as Arc<dyn Answerer>;
        let keep = Arc::clone(&kept);
        let keeps = Box::new(move |answered: &Answered| {
            keep.fetch_add(answered.answers.len(), Ordering::SeqCst);
            Ok(())
        });
        let inputs = vec![RenderedInput::text("x"), RenderedInput::text("y")];
        let ticket = pool.ask(1, &answerer, inputs, &cancel, keeps);
        pool.close();
        pool.work();
        drop(ticket);
        assert_eq!(
            kept.load(Ordering::SeqCst),
            2,
            "also where nobody waits for them any more"
        );
    }

    #[test]
    fn ctrl_c_drops_what_waits_within_a_tenth_of_a_second() {
        let (pool, echo, cancel) = (Pool::default(), Echo::new(600), Cancel::new());
        thread::scope(|scope| {
            let first = ask(&pool, 1, &echo, "first", &cancel);
            let second = ask(&pool, 1, &echo, "second", &cancel);
            scope.spawn(|| pool.work());
            thread::sleep(Duration::from_millis(50));
            cancel.cancel();
            let asked = Instant::now();
            assert!(matches!(first.wait(), Err(RunError::Cancelled)));
            assert!(matches!(second.wait(), Err(RunError::Cancelled)));
            assert!(asked.elapsed() < Duration::from_millis(100), "{:?}", asked.elapsed());
            pool.close();
        });
        assert_eq!(
            *echo.order.lock().unwrap(),
            ["first"],
            "what ran was finished, nothing else begun"
        );
    }

    #[test]
    fn a_panic_fails_its_window_and_the_others_go_on() {
        let (pool, echo, cancel) = (Pool::default(), Echo::new(0), Cancel::new());
        let bad = ask(&pool, 1, &echo, "panic", &cancel);
        let good = ask(&pool, 1, &echo, "good", &cancel);
        pool.close();
        pool.work();
        assert!(matches!(
            bad.wait(),
            Err(RunError::Engine(EngineError::RunFailed { .. }))
        ));
        assert_eq!(good.wait().unwrap().answers[0].value, "good");
    }
}
