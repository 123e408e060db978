//! Asking the shared store for many values: the records of all keys in as few messages as there can be.

use std::sync::Arc;
use std::{iter, mem};

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::clock::Tick;
use crate::coherence::{Asof, Question};
use crate::flow::Engine;
use crate::flow::consult::{Appraised, Basis, Consulted, FoundHere};
use crate::flow::hit::Hit;
use crate::flow::request::{Answer, Request};
use crate::flow::runtime::usable_runtime;
use crate::flow::shared::{Origin, Shared};
use crate::key::KeyName;
use crate::level::{Address, ReadAnswer};
use crate::outcome::Level;

/// How many records go into one message: the answer to the last of them is the answer to all.
const TOGETHER: usize = 128;

/// How many messages are on their way at the same time.
const AT_ONCE: usize = 4;

/// A key that is asked for, and where.
struct Asked<'a> {
    place: usize,
    request: &'a Request,
    name: KeyName,
    field: Arc<str>,
}

/// The field of the request before: mostly that of the next one, too.
struct Field<'a> {
    of: &'a Request,
    text: Arc<str>,
}

impl Field<'_> {
    /// Whether another request has the same: it follows from these.
    fn is_of(&self, request: &Request) -> bool {
        self.of.value_type == request.value_type
            && self.of.profile.codec == request.profile.codec
            && self.of.key.is_plain() == request.key.is_plain()
    }
}

impl Engine {
    /// What the shared store has for keys; what is stale there is kept here as a fallback.
    ///
    /// The same as a fetch of each, and its answers in the order of the requests.
    pub(crate) async fn fetch_many(self: Arc<Self>, requests: Vec<Request>) -> Vec<Option<Answer>> {
        let mut answers: Vec<Option<Answer>> = requests.iter().map(|_| None).collect();
        let (Some(shared), Some(runtime)) = (&self.shared, usable_runtime()) else {
            return answers;
        };
        // All that is asked, together.
        let until = self.clock.now().after(shared.l2.read_limit(false));
        if !self.fences.lease.holds(self.clock.now()) {
            self.start_driver(&runtime);
            if self.regain_lease(shared, self.left(until)).await {
                for (answer, request) in answers.iter_mut().zip(&requests) {
                    // Of a stale one, the look that follows decides.
                    *answer = self
                        .look_again(request)
                        .filter(|answer| !answer.outcome.is_stale());
                }
            }
        }
        let missing: Vec<usize> = (0..requests.len())
            .filter(|place| answers.get(*place).is_some_and(Option::is_none))
            .collect();
        let asked: Vec<&Request> = missing
            .iter()
            .filter_map(|place| requests.get(*place))
            .collect();
        let consulted = self.consult_many(shared, &asked, until).await;
        for ((place, request), consulted) in missing.into_iter().zip(asked).zip(consulted) {
            let Some(hit) = consulted.hit else { continue };
            self.store_hit(shared, request, None, &hit);
            if hit.is_fresh
                && let Some(answer) = answers.get_mut(place)
            {
                self.counters.l2_hit();
                self.tell_hit(&request.key.as_ref(), Level::L2, false);
                *answer = Some(self.answer_with(request, &hit));
            }
        }
        answers
    }

    /// Asks the shared store for the values of requests; the answers in their order.
    pub(super) async fn consult_many(
        self: &Arc<Self>,
        shared: &Shared,
        requests: &[&Request],
        until: Tick,
    ) -> Vec<Consulted> {
        let mut consulted: Vec<Consulted> = Vec::new();
        consulted.resize_with(requests.len(), Consulted::default);
        if requests.is_empty() || !self.regain_lease(shared, self.left(until)).await {
            return consulted;
        }
        let mut field = None;
        let mut asked: Vec<Asked<'_>> = Vec::with_capacity(requests.len());
        asked.extend(
            (requests.iter().enumerate())
                .filter_map(|(place, request)| self.asked(shared, place, request, &mut field)),
        );
        let mut left = iter::from_fn(|| {
            let rest = asked.split_off(asked.len().min(TOGETHER));
            Some(mem::replace(&mut asked, rest)).filter(|together| !together.is_empty())
        });
        let mut on_their_way = FuturesUnordered::new();
        for asked in left.by_ref().take(AT_ONCE) {
            on_their_way.push(self.ask_together(shared, asked, until));
        }
        while let Some(answered) = on_their_way.next().await {
            if let Some(asked) = left.next() {
                on_their_way.push(self.ask_together(shared, asked, until));
            }
            for (place, answer) in answered {
                if let Some(consulted) = consulted.get_mut(place) {
                    *consulted = answer;
                }
            }
        }
        consulted
    }

    /// Where a key is asked for, if it is.
    fn asked<'a>(
        &self,
        shared: &Shared,
        place: usize,
        request: &'a Request,
        before: &mut Option<Field<'a>>,
    ) -> Option<Asked<'a>> {
        if request.value_type.is_local() || !request.profile.l2_read {
            return None;
        }
        let name = self.name_of(&request.key);
        if shared.recovery.is_dirty(&name) {
            return None;
        }
        let field = match before {
            Some(field) if field.is_of(request) => Arc::clone(&field.text),
            _ => {
                let (key, value_type) = (&request.key, request.value_type);
                let text: Arc<str> = self.field(shared, key, value_type, &request.profile).into();
                *before = Some(Field {
                    of: request,
                    text: Arc::clone(&text),
                });
                text
            }
        };
        Some(Asked {
            place,
            request,
            name,
            field,
        })
    }

    /// Asks in one message.
    async fn ask_together(
        &self,
        shared: &Shared,
        asked: Vec<Asked<'_>>,
        until: Tick,
    ) -> Vec<(usize, Consulted)> {
        // As for one key: what touched it, then what was known, then the record.
        let touched: Vec<Asof> = asked
            .iter()
            .map(|one| self.fences.lock(one.name.stripe()).touched())
            .collect();
        let origin = self.origin();
        let addresses: Vec<Address<'_>> = asked
            .iter()
            .map(|one| Address::new(shared.partition, &one.name, &one.field))
            .collect();
        let limit = self.left(until);
        if limit.is_zero() {
            return Vec::new();
        }
        let Ok(answers) = shared.l2.read_many(&addresses, limit).await else {
            self.counters.l2_failures.add();
            return Vec::new();
        };
        let mut consulted = Vec::with_capacity(asked.len());
        let mut old = Vec::new();
        for ((one, touched), answer) in asked.into_iter().zip(touched).zip(answers) {
            let (place, request, known) = (one.place, one.request, origin.asof);
            let question = Question { known, touched };
            match self.weigh(shared, one, origin, question, answer) {
                Weighed::Known(answer) => consulted.push((place, answer)),
                Weighed::Old(found, basis) => old.push(async move {
                    let hit = self.ask_of_purges(shared, request, found, until).await;
                    (place, Consulted::with(hit, basis))
                }),
            }
        }
        consulted.extend(join_all(old).await);
        consulted
    }

    /// What an answer comes to, as far as that is known here.
    fn weigh(
        &self,
        shared: &Shared,
        one: Asked<'_>,
        origin: Origin,
        question: Question,
        answer: ReadAnswer,
    ) -> Weighed {
        let Some(at) = self.fitting(shared, &answer, question) else {
            return Weighed::Known(Consulted {
                is_answered: true,
                ..Consulted::default()
            });
        };
        let basis = Basis {
            asof: at,
            tag_clock: answer.tag_clock,
        };
        let origin = Origin { asof: at, ..origin };
        match self.appraise(shared, one.request, one.name, origin, answer.found) {
            Appraised::Known(hit) => Weighed::Known(Consulted::with(hit, basis)),
            Appraised::Old(old) => Weighed::Old(old, basis),
        }
    }
}

/// What an answer comes to.
enum Weighed {
    Known(Consulted),
    /// It is from before the purges that are known here.
    Old(Box<FoundHere>, Basis),
}

impl Consulted {
    fn with(hit: Option<Hit>, basis: Basis) -> Self {
        Self {
            hit,
            basis: Some(basis),
            is_answered: true,
        }
    }
}
