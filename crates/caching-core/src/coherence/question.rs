//! What was known here before the shared store was asked, and what its answer is worth beside it.

use crate::coherence::{Asof, Rule, Rules};

/// What was known when a read was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    /// What had been applied here.
    pub(crate) known: Asof,
    /// The last invalidation that touched the stripe of the key.
    pub(crate) touched: Asof,
}

/// What an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    /// It is as new as what was known: what was found with it holds as of this.
    Fits(Asof),
    /// It is of another epoch, of which this process has learnt meanwhile: a miss.
    Noticed,
    /// It does not fit what was known: nothing may be served until a poll has been answered.
    Distrust,
}

impl Question {
    /// Weighs the number of an answer; `known_now` is what has been applied by now.
    pub(crate) fn weigh(
        self,
        rules: Rules,
        answer: Option<Asof>,
        known_now: impl FnOnce() -> Asof,
    ) -> Worth {
        let Some(at) = answer else {
            return Worth::Distrust;
        };
        if at.epoch == self.known.epoch {
            let is_touched_later = self.touched.epoch == at.epoch && self.touched.seq > at.seq;
            let is_as_new = self.known.seq <= at.seq && !is_touched_later;
            if is_as_new || !rules.keep(Rule::SeqOnL2Hit) {
                return Worth::Fits(at);
            }
            // Less than what is known: the data went back under a live connection.
            return Worth::Distrust;
        }
        match at.epoch == known_now().epoch {
            true => Worth::Noticed,
            false => Worth::Distrust,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coherence::{Epoch, Seq};

    const fn at(epoch: u128, seq: u64) -> Asof {
        Asof {
            epoch: Epoch::new(epoch),
            seq: Seq::new(seq),
        }
    }

    fn weigh(answer: Option<Asof>) -> Worth {
        let question = Question {
            known: at(1, 5),
            touched: at(1, 6),
        };
        question.weigh(Rules::default(), answer, || at(2, 0))
    }

    #[test]
    fn an_answer_counts_only_if_it_is_as_new_as_what_was_known() {
        assert_eq!(weigh(Some(at(1, 6))), Worth::Fits(at(1, 6)));
        assert_eq!(weigh(Some(at(1, 5))), Worth::Distrust);
        assert_eq!(weigh(Some(at(2, 9))), Worth::Noticed);
        assert_eq!(weigh(Some(at(3, 9))), Worth::Distrust);
        assert_eq!(weigh(None), Worth::Distrust);
    }
}
