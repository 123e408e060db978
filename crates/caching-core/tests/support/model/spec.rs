//! What each verb gives, and what is kept after it, if calls come one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use caching_core::{Key, Level, Outcome};

use super::item::{Item, Place, place};
use super::step::{Answer, Ask, Came, Change, Ends, Mode, Put, Step, Verb, What, Wish};

/// How long callers wait for a factory where something stale is kept, and how long it may run.
pub const SOFT_LIMIT: Duration = Duration::from_secs(2);
pub const HARD_LIMIT: Duration = Duration::from_secs(10);

/// Since the beginning.
type Time = Duration;

/// A time that never comes.
const NEVER: Time = Duration::MAX;

/// The cache, as plain as can be: a map, a clock, and what was invalidated since the ticket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    now: Time,
    kept: BTreeMap<Place, Kept>,
    ticket: Option<Place>,
    since_ticket: Vec<(u32, Change)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Kept {
    value: Option<u32>,
    tags: Vec<&'static str>,
    eager_at: Time,
    fresh_until: Time,
    kept_until: Time,
    /// Whether it was given in place of an error, and stays labelled.
    is_fallback: bool,
    is_revocable: bool,
    sliding: Option<Duration>,
    used: Time,
    is_refreshing: bool,
}

/// A load under way.
#[derive(Clone, Copy)]
struct Load<'a> {
    place: Place,
    ask: &'a Ask,
    life: Life,
    /// Whether what is kept is fresh, and is refreshed behind its reader.
    is_refresh: bool,
}

/// How an entry is kept, with nothing left open.
#[derive(Clone, Copy)]
struct Life {
    duration: Duration,
    negative: Duration,
    retention: Duration,
    throttle: Duration,
    sliding: Option<Duration>,
    fail_safe: bool,
    revocable: bool,
    is_lazy: bool,
    is_not_kept: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Worth {
    Fresh,
    /// And to be refreshed, by this reader.
    Eager,
    Stale,
    /// Given in place of an error a short while ago.
    Throttled,
}

impl Model {
    /// All that may come of a step, each with the model after it.
    ///
    /// There is more than one way where a ticket is used, since an invalidation of another key may
    /// count for this one, too; and where a caller leaves, `None`: its call happened, or it did not.
    pub fn after(&self, step: &Step) -> Vec<(Option<Came>, Self)> {
        let lucks: &[bool] = match &step.verb {
            Verb::Set(_, put) if put.since => &[true, false],
            _ => &[true],
        };
        let mut ways = Vec::new();
        for is_lucky in lucks {
            let mut model = self.clone();
            let (came, waits) = model.take(step, *is_lucky);
            match step.leaves_after {
                None => ways.push((Some(came), model)),
                Some(0) => ways.push((None, self.clone())),
                Some(_) if waits && model.now > self.now => ways.push((None, self.clone())),
                Some(_) if waits => {
                    ways.push((None, self.clone()));
                    ways.push((None, model.clone()));
                    ways.push((Some(came), model));
                }
                Some(_) => ways.push((Some(came), model)),
            }
        }
        ways
    }

    /// Takes a step; whether its caller waits for a factory.
    fn take(&mut self, step: &Step, is_lucky: bool) -> (Came, bool) {
        let (mut came, mut waits) = (Came::default(), false);
        let (tenant, begun) = (step.tenant, self.now);
        match &step.verb {
            Verb::Peek(item) => came.answers = vec![self.peek(place(tenant, *item))],
            Verb::Get(item, stale) => came.answers = vec![self.get(place(tenant, *item), *stale)],
            Verb::GetMany(items, stale) => {
                let get = |item: &Item| self.get(place(tenant, *item), *stale);
                came.answers = items.iter().map(get).collect();
            }
            Verb::Load(item, ask) => {
                let (answer, run) = self.ask(place(tenant, *item), ask, &mut came);
                came.answers = vec![answer];
                came.runs = usize::from(run != Runs::Not);
                waits = run == Runs::Before;
            }
            Verb::LoadMany(items, ask) => {
                let mut runs = Vec::new();
                for item in items {
                    let place = place(tenant, *item);
                    let (answer, run) = self.ask(place, ask, &mut came);
                    came.answers.push(answer);
                    // In one scope, those who wait share a factory, and so do those who do not.
                    if run != Runs::Not && !runs.contains(&(place.0, run)) {
                        runs.push((place.0, run));
                    }
                }
                came.runs = runs.len();
            }
            Verb::Ticket(item) => {
                self.ticket = Some(place(tenant, *item));
                self.since_ticket.clear();
            }
            Verb::Set(item, put) => {
                self.set(tenant, *item, put, is_lucky);
                came.answers = vec![Answer::Applied];
            }
            Verb::SetMany(items, put) => {
                for item in items {
                    self.set(tenant, *item, put, true);
                }
                came.answers = vec![Answer::Applied];
            }
            Verb::Invalidate(changes) => {
                for change in changes {
                    self.invalidate(tenant, *change);
                }
                came.answers = vec![Answer::Applied];
            }
            Verb::Pass(time) => self.now = begun + *time,
        }
        (came, waits)
    }

    fn peek(&mut self, place: Place) -> Answer {
        Answer::Peeked(match self.look(place, false) {
            Some((Worth::Fresh, value)) => value,
            _ => None,
        })
    }

    fn get(&mut self, place: Place, allows_stale: bool) -> Answer {
        match self.look(place, false) {
            Some((Worth::Fresh, value)) => Answer::Value(value, HIT),
            Some((Worth::Stale | Worth::Throttled, value)) if allows_stale => {
                Answer::Value(value, STALE)
            }
            _ => Answer::Value(None, miss(false, false)),
        }
    }

    fn ask(&mut self, place: Place, ask: &Ask, came: &mut Came) -> (Answer, Runs) {
        let life = Life::of(place.1).with(&ask.wish);
        let load = Load {
            place,
            ask,
            life,
            is_refresh: false,
        };
        let found = match ask.wish.is_past_l1 {
            true => None,
            false => self.look(place, !ask.wish.is_lazy),
        };
        match found {
            Some((Worth::Fresh, value)) if ask.takes(value) => {
                (Answer::Value(value, HIT), Runs::Not)
            }
            Some((Worth::Eager, value)) if ask.takes(value) => {
                let refresh = Load {
                    is_refresh: true,
                    ..load
                };
                self.load(refresh, came);
                came.after = Duration::ZERO;
                (Answer::Value(value, HIT), Runs::Behind)
            }
            Some((Worth::Throttled, value)) if life.fail_safe => {
                (Answer::Value(value, STALE), Runs::Not)
            }
            _ => (self.load(load, came), Runs::Before),
        }
    }

    /// Runs the factory, until its end: the caller may be answered before that.
    fn load(&mut self, load: Load<'_>, came: &mut Came) -> Answer {
        let (begun, takes) = (self.now, load.ask.factory.takes);
        let stale = self.fallback(load);
        came.offered.insert(load.place.1, stale);
        let mut early = None;
        if stale.is_some() && takes > SOFT_LIMIT {
            self.now = begun + SOFT_LIMIT;
            early = self.fallback(load);
        }
        self.now = begun + takes.min(HARD_LIMIT);
        let landed = self.land(load, stale.is_some());
        came.after = match early {
            Some(_) => SOFT_LIMIT,
            None => self.now - begun,
        };
        early.map_or(landed, |value| Answer::Value(Some(value), STALE))
    }

    /// A factory has ended.
    fn land(&mut self, load: Load<'_>, was_stale: bool) -> Answer {
        let (asked, factory) = (load.life, &load.ask.factory);
        let life = asked.with(&factory.says);
        let failed = Load {
            life: Life {
                // Of what the call and its factory say of stale values, the stricter counts.
                fail_safe: asked.fail_safe && life.fail_safe,
                ..life
            },
            ..load
        };
        let value = match factory.ends {
            _ if factory.takes > HARD_LIMIT => return self.fail(failed, Answer::TimedOut),
            Ends::Gives(value) => Some(value),
            Ends::GivesNone if load.ask.is_optional => None,
            _ => return self.fail(failed, Answer::Failed),
        };
        let mut tags = tags(load.place.1, &load.ask.tags);
        tags.extend(factory.adds);
        let entry = Kept::new(life, value, tags, self.now);
        let is_stored = !factory.keeps_out && self.keep(load.place, entry);
        Answer::Value(value, miss(was_stale, is_stored))
    }

    /// A factory has failed: what is kept is given in its place, and counts for the throttle.
    fn fail(&mut self, load: Load<'_>, error: Answer) -> Answer {
        let Load { place, life, .. } = load;
        let throttled_until = self.now + life.throttle;
        if let Some(value) = self.fallback(load) {
            let worth = self.look(place, false).map(|(worth, _)| worth);
            let kept = self.kept.get_mut(&place).unwrap();
            if worth == Some(Worth::Fresh) {
                if load.is_refresh {
                    kept.eager_at = throttled_until;
                    kept.is_refreshing = false;
                }
                return Answer::Value(Some(value), HIT);
            }
            kept.eager_at = NEVER;
            kept.fresh_until = throttled_until.min(kept.kept_until);
            kept.is_fallback = true;
            return Answer::Value(Some(value), STALE);
        }
        let Some(default) = load.ask.default.filter(|_| life.fail_safe) else {
            return error;
        };
        let entry = Kept::new(life, Some(default), Vec::new(), self.now);
        let until = throttled_until.min(entry.kept_until);
        let is_kept = !life.is_not_kept;
        self.keep(
            place,
            Kept {
                eager_at: NEVER,
                fresh_until: if is_kept { until } else { self.now },
                kept_until: until,
                is_fallback: true,
                ..entry
            },
        );
        Answer::Value(Some(default), STALE)
    }

    /// What is kept and may be given in place of an error.
    fn fallback(&self, load: Load<'_>) -> Option<u32> {
        let kept = self.kept.get(&load.place);
        let kept = kept.filter(|_| load.life.fail_safe)?;
        let is_usable = self.now < kept.kept_until && !kept.is_revocable;
        kept.value.filter(|_| is_usable)
    }

    fn set(&mut self, tenant: u32, item: Item, put: &Put, is_lucky: bool) {
        let place = place(tenant, item);
        let life = Life::of(item).with(&put.wish);
        let entry = Kept::new(life, Some(put.value), tags(item, &put.tags), self.now);
        let since = match put.since && self.ticket == Some(place) {
            true => self.since_ticket.clone(),
            false => Vec::new(),
        };
        let this = Change {
            what: What::Item(item),
            mode: Mode::Remove,
        };
        let is_newest = since.iter().all(|(whose, change)| match change.what {
            What::Item(other) => self::place(*whose, other) != place && is_lucky,
            _ => true,
        });
        self.invalidate(tenant, this);
        if is_newest {
            self.keep(place, entry);
            for (whose, change) in since {
                self.apply(whose, change, &[place]);
            }
        }
    }

    fn invalidate(&mut self, tenant: u32, change: Change) {
        self.since_ticket.push((tenant, change));
        let places: Vec<Place> = self.kept.keys().copied().collect();
        self.apply(tenant, change, &places);
    }

    fn apply(&mut self, tenant: u32, change: Change, places: &[Place]) {
        for at in places {
            let Some(kept) = self.kept.get_mut(at) else {
                continue;
            };
            let is_theirs = at.0 == tenant;
            let is_meant = match change.what {
                What::Item(item) => *at == place(tenant, item),
                What::Tag(tag) => is_theirs && kept.tags.contains(&tag),
                What::Kind(kind) => is_theirs && at.1.kind().name() == kind,
                What::Scope => is_theirs,
                What::Everything => true,
            };
            match change.mode {
                _ if !is_meant => {}
                Mode::Remove => drop(self.kept.remove(at)),
                Mode::Expire => {
                    kept.eager_at = NEVER;
                    kept.fresh_until = kept.fresh_until.min(self.now);
                }
            }
        }
    }

    /// Looks, which keeps what is fresh from being idle; one who may refresh is told to, once.
    fn look(&mut self, place: Place, may_refresh: bool) -> Option<(Worth, Option<u32>)> {
        let now = self.now;
        let kept = self.kept.get_mut(&place)?;
        let is_idle = kept.sliding.is_some_and(|idle| kept.used + idle <= now) && !kept.is_fallback;
        let worth = if now < kept.fresh_until && !is_idle {
            kept.used = now;
            match now < kept.eager_at || kept.is_refreshing {
                _ if kept.is_fallback => Worth::Throttled,
                true => Worth::Fresh,
                false if may_refresh => {
                    kept.is_refreshing = true;
                    Worth::Eager
                }
                false => Worth::Fresh,
            }
        } else if now < kept.kept_until && !kept.is_revocable {
            Worth::Stale
        } else {
            return None;
        };
        Some((worth, kept.value))
    }

    /// Puts an entry in place; one whose life is over takes away what was there.
    fn keep(&mut self, place: Place, entry: Kept) -> bool {
        let is_alive = self.now < entry.fresh_until;
        match is_alive {
            true => self.kept.insert(place, entry),
            false => self.kept.remove(&place),
        };
        is_alive
    }
}

/// Whether a factory ran: before its caller was answered, or behind it.
#[derive(Clone, Copy, PartialEq)]
enum Runs {
    Not,
    Before,
    Behind,
}

const HIT: Outcome = Outcome::Hit {
    level: Level::L1,
    stale: false,
};

const STALE: Outcome = Outcome::Hit {
    level: Level::L1,
    stale: true,
};

const fn miss(was_stale: bool, stored: bool) -> Outcome {
    Outcome::Miss {
        was_stale,
        stored,
        collapsed: false,
    }
}

fn tags(item: Item, said: &[&'static str]) -> Vec<&'static str> {
    [item.own_tags(), said].concat()
}

impl Ask {
    fn takes(&self, value: Option<u32>) -> bool {
        self.is_optional || value.is_some()
    }
}

impl Kept {
    fn new(life: Life, value: Option<u32>, tags: Vec<&'static str>, now: Time) -> Self {
        let duration = match value {
            Some(_) => life.duration,
            None => life.negative,
        };
        let kept_for = match life.fail_safe {
            true => duration.max(life.retention),
            false => duration,
        };
        Self {
            value,
            tags,
            eager_at: match life.is_lazy {
                true => NEVER,
                false => now + duration / 2,
            },
            fresh_until: match life.is_not_kept {
                true => now,
                false => now + duration,
            },
            kept_until: now + kept_for,
            is_fallback: false,
            is_revocable: life.revocable,
            sliding: life.sliding,
            used: now,
            is_refreshing: false,
        }
    }
}

/// The profiles of the model's world, as configuration says them.
pub const CONFIG: &str = "
    [defaults]
    duration = '4m'
    negative_duration = '30s'
    retention = '30m'
    throttle = '20s'
    eager_refresh = 0.5
    factory_soft_limit = '2s'
    factory_hard_limit = '10s'
    [profiles.page]
    duration = '1m'
    retention = '2m'
    sliding = '25s'
    [profiles.rate]
    fail_safe = false
    eager_refresh = 'off'
";

impl Life {
    fn of(item: Item) -> Self {
        let seconds = Duration::from_secs;
        let default = Self {
            duration: seconds(240),
            negative: seconds(30),
            retention: seconds(1_800),
            throttle: seconds(20),
            sliding: None,
            fail_safe: true,
            revocable: false,
            is_lazy: false,
            is_not_kept: false,
        };
        match item {
            Item::One | Item::Two => default,
            Item::Page => Self {
                duration: seconds(60),
                retention: seconds(120),
                sliding: Some(seconds(25)),
                ..default
            },
            Item::Rate => Self {
                fail_safe: false,
                is_lazy: true,
                ..default
            },
        }
    }

    fn with(self, wish: &Wish) -> Self {
        let revocable = self.revocable || wish.revocable;
        Self {
            duration: wish.duration.unwrap_or(self.duration),
            negative: wish.negative.unwrap_or(self.negative),
            retention: wish.retention.unwrap_or(self.retention),
            throttle: wish.throttle.unwrap_or(self.throttle),
            sliding: wish.sliding.or(self.sliding),
            fail_safe: wish.fail_safe.unwrap_or(self.fail_safe) && !revocable,
            revocable,
            is_lazy: self.is_lazy || wish.is_lazy,
            is_not_kept: self.is_not_kept || wish.is_not_kept,
        }
    }
}
