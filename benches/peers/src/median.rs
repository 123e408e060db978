//! A median with its spread.

use std::fmt;

/// The median of several rounds, and between what most of them lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    /// A tenth of the rounds is below.
    low: f64,
    /// A tenth of the rounds is above.
    high: f64,
}

/// What these numbers come to. There has to be one.
pub(crate) fn spread(mut numbers: Vec<f64>) -> Spread {
    numbers.sort_by(f64::total_cmp);
    let at = |share: f64| numbers[((numbers.len() - 1) as f64 * share).round() as usize];
    Spread {
        median: at(0.5),
        low: at(0.1),
        high: at(0.9),
    }
}

impl fmt::Display for Spread {
    /// `156 (150–171)`, to as many digits as are asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(0);
        let Self { median, low, high } = self;
        write!(f, "{median:.digits$} ({low:.digits$}–{high:.digits$})")
    }
}
