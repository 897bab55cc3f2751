//! Sends inputs and gathers their answers, over as many connections as it takes.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use super::connection::Connection;
use super::waiter::Waiter;
use crate::error::ClientError;
use crate::wire::{Answer, Ask, Input, ToClient, ToHost, Work};

/// Bytes of inputs in one message, unless a single one has more.
const MESSAGE_BYTES: u64 = 4 << 20;

/// What an input counts beside its text, so that empty ones are bounded too.
const INPUT_BYTES: u64 = 64;

/// Inputs with the answers that have come.
pub(super) struct Exchange<'a> {
    inputs: &'a [Input],
    detail: bool,
    answers: Vec<Option<Answer>>,
    answered: usize,
    work: Work,
}

/// A request under way.
struct Flight {
    /// Places in the list of unanswered inputs.
    places: Range<usize>,
    /// Inputs without answer.
    left: usize,
}

/// Requests under way on one connection.
struct Flights {
    /// Inputs that had no answer when the connection was taken up, in order. Those of a flight stand together.
    unanswered: Vec<usize>,
    /// How many of these were sent.
    sent: usize,
    by_request: HashMap<u64, Flight>,
    /// Bytes of inputs under way.
    bytes: u64,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(inputs: &'a [Input], detail: bool) -> Self {
        Self {
            inputs,
            detail,
            answers: vec![None; inputs.len()],
            answered: 0,
            work: Work::default(),
        }
    }

    /// Inputs that are answered.
    pub(super) fn answered(&self) -> usize {
        self.answered
    }

    /// Whether every input is answered.
    pub(super) fn is_complete(&self) -> bool {
        self.answered == self.inputs.len()
    }

    /// The answers, all of which have come. The time is measured on this side: requests overlap.
    pub(super) fn finish(self, elapsed: Duration) -> (Vec<Answer>, Work) {
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let work = Work {
            elapsed_us,
            waited_us: self.work.waited_us.min(elapsed_us),
            ..self.work
        };
        (self.answers.into_iter().flatten().collect(), work)
    }

    fn size(&self, input: usize) -> u64 {
        self.inputs[input].bytes() as u64 + INPUT_BYTES
    }

    /// Asks for what is unanswered. `task` is the number of the task, `requests` the number of the last request.
    pub(super) fn run(
        &mut self,
        connection: &mut Connection,
        task: u32,
        requests: &mut u64,
        waiter: &mut dyn Waiter,
        on_answers: &mut dyn FnMut(usize),
    ) -> Result<(), ClientError> {
        let unanswered = (0..self.inputs.len()).filter(|&input| self.answers[input].is_none());
        let mut flights = Flights {
            unanswered: unanswered.collect(),
            sent: 0,
            by_request: HashMap::new(),
            bytes: 0,
        };
        let window = connection.welcome().window_bytes.max(1);
        loop {
            while let Some(ask) = self.next_ask(&mut flights, window, task, requests) {
                connection.queue(&ToHost::Ask(ask))?;
            }
            if flights.by_request.is_empty() {
                return Ok(());
            }
            let message = connection.receive(waiter)?;
            self.take(message, &mut flights, connection, on_answers)?;
        }
    }

    /// The next request, where there is one and the window has room for it.
    fn next_ask(&self, flights: &mut Flights, window: u64, task: u32, requests: &mut u64) -> Option<Ask> {
        let mut end = flights.sent;
        let mut bytes = 0;
        while let Some(&input) = flights.unanswered.get(end) {
            let size = self.size(input);
            if end > flights.sent && bytes + size > MESSAGE_BYTES.min(window) {
                break;
            }
            bytes += size;
            end += 1;
        }
        if end == flights.sent || (flights.bytes > 0 && flights.bytes + bytes > window) {
            return None;
        }
        *requests += 1;
        let places = flights.sent..end;
        let flight = Flight {
            left: places.len(),
            places: places.clone(),
        };
        flights.by_request.insert(*requests, flight);
        flights.sent = end;
        flights.bytes += bytes;
        let inputs = flights.unanswered[places].iter();
        Some(Ask {
            request: *requests,
            task,
            detail: self.detail,
            inputs: inputs
                .map(|&input| (input as u64, self.inputs[input].clone()))
                .collect(),
        })
    }

    /// Takes a message for what it says of a request.
    fn take(
        &mut self,
        message: ToClient,
        flights: &mut Flights,
        connection: &Connection,
        on_answers: &mut dyn FnMut(usize),
    ) -> Result<(), ClientError> {
        match message {
            ToClient::Answers { request, answers } => {
                let wrong = |what: String| Err(connection.protocol(&what));
                let Some(flight) = flights.by_request.get_mut(&request) else {
                    return wrong(format!("it answered request {request}, which is not under way"));
                };
                let count = answers.len();
                for (number, answer) in answers {
                    // Inputs of a flight are a stretch of an ascending list.
                    let own = &flights.unanswered[flight.places.clone()];
                    let input = usize::try_from(number)
                        .ok()
                        .filter(|input| own.binary_search(input).is_ok());
                    let Some(input) = input else {
                        return wrong(format!(
                            "it answered input {number}, which request {request} does not have"
                        ));
                    };
                    let place = &mut self.answers[input];
                    if place.is_some() {
                        return wrong(format!("it answered input {number} twice"));
                    }
                    *place = Some(answer);
                    flight.left -= 1;
                    flights.bytes -= self.size(input);
                }
                self.answered += count;
                on_answers(count);
                Ok(())
            }
            ToClient::Done { request, work } => {
                let Some(flight) = flights.by_request.remove(&request) else {
                    return Err(connection.protocol(&format!("it ended request {request}, which is not under way")));
                };
                if flight.left > 0 {
                    let what = format!("it ended request {request} with {} inputs unanswered", flight.left);
                    return Err(connection.protocol(&what));
                }
                self.work += work;
                Ok(())
            }
            ToClient::Failed(failure) => Err(failure.into()),
            _ => Err(connection.protocol("it was asked for answers and said something else")),
        }
    }
}
