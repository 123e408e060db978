//! Random sequences of steps, each from its seed.

use std::time::Duration;

use fastrand::Rng;

use super::item::{Item, TENANTS};
use super::step::{Ask, Change, Ends, Factory, Mode, Put, Step, Verb, What, Wish};

const TAGS: [&str; 3] = ["red", "blue", "green"];
const KINDS: [&str; 3] = ["plain", "page", "rate"];

/// The steps of a seed.
pub fn steps(seed: u64, count: usize) -> Vec<Step> {
    let mut plan = Plan {
        random: Rng::with_seed(seed),
        next_value: 0,
    };
    (0..count).map(|_| plan.step()).collect()
}

struct Plan {
    random: Rng,
    next_value: u32,
}

impl Plan {
    fn step(&mut self) -> Step {
        let verb = match self.random.u32(0..100) {
            0..4 => Verb::Peek(self.item()),
            4..12 => Verb::Get(self.item(), self.random.bool()),
            12..15 => Verb::GetMany(self.items(), self.random.bool()),
            15..49 => Verb::Load(self.item(), self.ask()),
            49..54 => Verb::LoadMany(self.items(), self.ask_for_many()),
            54..57 => Verb::Ticket(self.item()),
            57..67 => Verb::Set(self.item(), self.put()),
            67..69 => Verb::SetMany(self.items(), self.put_many()),
            69..81 => Verb::Invalidate(vec![self.change()]),
            81..84 => Verb::Invalidate(self.batch()),
            _ => Verb::Pass(self.seconds(&[1, 5, 12, 25, 30, 60, 120, 600])),
        };
        let can_leave = !matches!(verb, Verb::LoadMany(..) | Verb::Pass(_) | Verb::Ticket(_));
        Step {
            tenant: self.random.u32(0..TENANTS),
            verb,
            leaves_after: (can_leave && self.one_in(5)).then(|| self.random.usize(0..5)),
        }
    }

    fn ask(&mut self) -> Ask {
        Ask {
            is_optional: self.random.bool(),
            wish: self.wish(),
            tags: self.tags(),
            default: self.one_in(10).then(|| self.value()),
            factory: self.factory(),
        }
    }

    /// Without what only a call for one key can say; nobody waits, since each key has a life of its own.
    fn ask_for_many(&mut self) -> Ask {
        let ask = self.ask();
        Ask {
            is_optional: true,
            tags: Vec::new(),
            default: None,
            factory: Factory {
                takes: Duration::ZERO,
                ..ask.factory
            },
            ..ask
        }
    }

    fn factory(&mut self) -> Factory {
        let takes = match self.one_in(4) {
            true => self.seconds(&[1, 3, 8, 11]),
            false => Duration::ZERO,
        };
        Factory {
            ends: match self.random.u32(0..20) {
                0..12 => Ends::Gives(self.value()),
                12..14 => Ends::GivesNone,
                14..19 => Ends::Fails,
                _ => Ends::Panics,
            },
            takes,
            yields: self.random.usize(0..3),
            says: match self.one_in(4) {
                true => Wish {
                    is_past_l1: false,
                    ..self.wish()
                },
                false => Wish::default(),
            },
            adds: self.one_in(4).then(|| self.tag()),
            keeps_out: self.one_in(10),
        }
    }

    fn put(&mut self) -> Put {
        Put {
            value: self.value(),
            wish: self.wish(),
            tags: self.tags(),
            since: self.one_in(3),
        }
    }

    fn put_many(&mut self) -> Put {
        Put {
            since: false,
            ..self.put()
        }
    }

    fn wish(&mut self) -> Wish {
        if self.random.bool() {
            return Wish::default();
        }
        Wish {
            duration: self.one_in(3).then(|| self.seconds(&[0, 10, 60, 600])),
            negative: self.one_in(3).then(|| self.seconds(&[0, 10, 60])),
            retention: self.one_in(3).then(|| self.seconds(&[30, 90, 900])),
            throttle: self.one_in(3).then(|| self.seconds(&[5, 60])),
            sliding: self.one_in(6).then(|| self.seconds(&[5, 30])),
            fail_safe: self.one_in(3).then(|| self.random.bool()),
            revocable: self.one_in(12),
            is_lazy: self.one_in(4),
            is_past_l1: self.one_in(12),
            is_not_kept: self.one_in(20),
        }
    }

    fn batch(&mut self) -> Vec<Change> {
        let count = self.random.usize(0..4);
        let parts = std::iter::repeat_with(|| self.change());
        let is_part = |change: &Change| !matches!(change.what, What::Scope | What::Everything);
        parts.filter(is_part).take(count).collect()
    }

    fn change(&mut self) -> Change {
        let mode = match self.random.bool() {
            true => Mode::Remove,
            false => Mode::Expire,
        };
        let (what, mode) = match self.random.u32(0..20) {
            0..9 => (What::Item(self.item()), mode),
            9..15 => (What::Tag(self.tag()), mode),
            15..17 => (What::Kind(self.random.choice(KINDS).unwrap()), Mode::Remove),
            17..19 => (What::Scope, mode),
            _ => (What::Everything, Mode::Remove),
        };
        Change { what, mode }
    }

    fn item(&mut self) -> Item {
        self.random.choice(Item::ALL).unwrap()
    }

    fn items(&mut self) -> Vec<Item> {
        let mut items = Item::ALL.to_vec();
        self.random.shuffle(&mut items);
        items.truncate(self.random.usize(1..=Item::ALL.len()));
        items
    }

    fn tags(&mut self) -> Vec<&'static str> {
        let count = self.random.usize(0..3);
        (0..count).map(|_| self.tag()).collect()
    }

    fn tag(&mut self) -> &'static str {
        self.random.choice(TAGS).unwrap()
    }

    fn value(&mut self) -> u32 {
        self.next_value += 1;
        self.next_value
    }

    fn seconds(&mut self, of: &[u64]) -> Duration {
        Duration::from_secs(of[self.random.usize(0..of.len())])
    }

    fn one_in(&mut self, count: u32) -> bool {
        self.random.u32(0..count) == 0
    }
}
