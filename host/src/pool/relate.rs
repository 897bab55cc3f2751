//! Tasks over whole relations, each on a thread of its own: the worker has models to run meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use refuel_client::wire::{Ask, Input, Relate, Row, TaskSpec, ToClient, Value};
use refuel_relations::{Relation, RelationError, Resolved, Resolving, repair};
use refuel_task::{Answer, Kind, RenderedInput, Source, Task};
use serde_json::json;

use super::request::Request;
use super::settled::Settled;
use super::worker::cause;
use super::{Client, Deliver};
use crate::error::HostError;

/// Rows that are delivered together.
const TOGETHER: usize = 4096;

/// How often it is looked whether anybody still waits, while vectors are made.
const LOOK: Duration = Duration::from_millis(50);

/// What comes of relations.
struct Made {
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Client {
    /// Works on whole relations. `deliver` gets any number of [`ToClient::Rows`], then [`ToClient::Done`] or
    /// [`ToClient::Failed`], and nothing after a [`Client::cancel`]; it is called from another thread. One request at a time
    /// is worked on, of all clients: each takes all processors.
    ///
    /// # Errors
    /// [`HostError::Stopping`], and [`HostError::Start`] where no thread can be started.
    pub fn relate(
        &self,
        task: &Arc<Settled>,
        relate: Relate,
        deliver: impl Fn(ToClient) + Send + Sync + 'static,
    ) -> Result<Arc<Request>, HostError> {
        let rows: usize = relate.relations.iter().map(|relation| relation.rows.len()).sum();
        let deliver: Deliver = Box::new(deliver);
        let request = self.begin(task, relate.request, rows as u64, false, deliver)?;
        // What the task asks of models counts as its own client's, so that cancelling one leaves the other.
        let models = Self::new(Arc::clone(&self.shared), self.asker.hello.clone());
        let work = {
            let request = Arc::clone(&request);
            move || models.work_on(&request, relate)
        };
        let spawned = thread::Builder::new().name("refuel-relations".to_owned()).spawn(work);
        if let Err(source) = spawned {
            self.shared.drop_work(&request);
            return Err(HostError::Start {
                part: "work on a relation",
                source,
            });
        }
        Ok(request)
    }

    fn work_on(&self, request: &Request, relate: Relate) {
        let _alone = self.shared.relating();
        if request.has_ended() {
            return;
        }
        match catch_unwind(AssertUnwindSafe(|| self.made(request, relate))) {
            Ok(Ok(made)) => {
                let mut rows = made.rows.into_iter();
                let parts = std::iter::from_fn(move || {
                    let part: Vec<Row> = rows.by_ref().take(TOGETHER).collect();
                    (!part.is_empty()).then_some(part)
                });
                self.shared.rows(request, parts, made.notes);
            }
            Ok(Err(error)) => self.shared.fail(request, &error),
            Err(payload) => {
                let cause = cause(payload.as_ref()).to_owned();
                tracing::error!(cause, "work on a relation was given up");
                self.shared.fail(request, &HostError::Mistake { cause });
            }
        }
    }

    fn made(&self, request: &Request, relate: Relate) -> Result<Made, HostError> {
        let task = request.task.lane.answerer.task();
        let relations = relate.relations.into_iter().map(|relation| {
            let relation = Relation {
                name: relation.name,
                columns: relation.columns,
                rows: relation.rows,
            };
            relation.keyed(task)
        });
        let relations: Vec<Relation> = relations.collect::<Result<_, _>>()?;
        if task.kind == Kind::REPAIR {
            let [relation] = &relations[..] else {
                return Err(RelationError::Count { count: relations.len() }.into());
            };
            return repaired(task, relation);
        }
        let resolving = Resolving::new(task, &relations)?;
        let vectors = match &task.model {
            Some(model) => Some(self.embed(&model.to_string(), &resolving.texts(), request)?),
            None => None,
        };
        let resolved = resolving.resolve(vectors, &|_, _, _| !request.has_ended())?;
        Ok(resolved_rows(&resolved))
    }

    /// The vectors of texts.
    fn embed(&self, model: &str, texts: &[String], asked_by: &Request) -> Result<Vec<Vec<f32>>, HostError> {
        let spec = TaskSpec {
            name: asked_by.task.name.clone(),
            json: json!({"name": "records", "kind": "embed", "input": "record", "model": model}).to_string(),
            model: None,
        };
        let settled = self.prepare(&spec)?;
        let vectors = refuel_relations::embed(texts, |_, inputs| self.ask(&settled, inputs, asked_by))?;
        if !vectors.is_empty() && vectors.iter().all(Vec::is_empty) {
            return Err(HostError::NoVectors {
                model: settled.lane.answerer.model().to_owned(),
            });
        }
        Ok(vectors)
    }

    /// Answers inputs, in their order, as long as somebody waits for another request.
    fn ask(
        &self,
        settled: &Arc<Settled>,
        inputs: &[RenderedInput],
        asked_by: &Request,
    ) -> Result<Vec<Answer>, HostError> {
        let (sender, receiver) = mpsc::channel();
        let inputs = inputs.iter().map(|input| Input::Text(input.text.clone()));
        let ask = Ask {
            request: 0,
            task: 0,
            detail: false,
            inputs: (0..).zip(inputs).collect(),
        };
        let request = self.open(settled, &ask, move |message| {
            // Nobody hears it where this was cancelled.
            let _ = sender.send(message);
        })?;
        let nothing = Answer {
            source: Source::Model,
            ..Answer::error(settled.lane.answerer.model(), "no vector was made")
        };
        let mut answers = vec![nothing; ask.inputs.len()];
        self.give(&request, ask.inputs);
        loop {
            match receiver.recv_timeout(LOOK) {
                Ok(ToClient::Answers { answers: made, .. }) => {
                    for (number, answer) in made {
                        if let (Value::Vector(vector), Some(place)) = (answer.value, answers.get_mut(number as usize)) {
                            place.value = json!(vector);
                        }
                    }
                }
                Ok(ToClient::Done { .. }) => return Ok(answers),
                Ok(ToClient::Failed(failure)) => return Err(HostError::Vectors(Box::new(failure))),
                Ok(_) => {}
                Err(mpsc::RecvTimeoutError::Timeout) if !asked_by.has_ended() => {}
                Err(_) => {
                    self.cancel(&request);
                    return Err(HostError::Stopping);
                }
            }
        }
    }
}

fn repaired(task: &Task, relation: &Relation) -> Result<Made, HostError> {
    let found = repair(task, relation)?;
    let rows = found.rows.into_iter().map(|row| {
        vec![
            Some(row.record_key),
            Some(row.column_name),
            row.value,
            row.proposed,
            Some(row.confidence.to_string()),
            Some(row.evidence),
            Some(row.remedy.word().to_owned()),
        ]
    });
    Ok(Made {
        rows: rows.collect(),
        notes: Vec::new(),
    })
}

fn resolved_rows(resolved: &Resolved) -> Made {
    let rows = resolved.rows.iter().map(|row| {
        vec![
            Some(row.record_key.clone()),
            Some(row.entity_id.to_string()),
            Some(row.is_canonical.to_string()),
            Some(row.confidence.to_string()),
            Some(serde_json::Value::Object(resolved.canonical(row).clone()).to_string()),
            Some((row.relation + 1).to_string()),
        ]
    });
    Made {
        rows: rows.collect(),
        notes: Vec::new(),
    }
}
