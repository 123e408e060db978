//! An import as people see it: a bar on a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{ImportObserver, Phase};

/// Shows an import on standard error: a bar on a terminal, and a line for every tenth elsewhere.
#[derive(Debug)]
pub struct Console {
    bar: ProgressBar,
    label: &'static str,
    total: u64,
    tenths: u64,
}

impl Console {
    /// Shows nothing yet.
    #[expect(
        clippy::new_without_default,
        reason = "it takes hold of the terminal, which a default should not"
    )]
    pub fn new() -> Self {
        Self {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            label: "",
            total: 0,
            tenths: 0,
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Writes a line, above the bar where there is one.
    fn say(&self, line: &str) {
        if self.bar.is_hidden() {
            eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
    }
}

impl ImportObserver for Console {
    fn begin(&mut self, phase: Phase, total: u64) {
        let (label, template) = match phase {
            Phase::Reading => ("reading", "reading    {bar:40} {bytes}/{total_bytes} {eta}"),
            Phase::Publishing => (
                "storing",
                "storing    {bar:40} {human_pos}/{human_len} lines {eta}",
            ),
        };
        self.bar.finish_and_clear();
        // Hidden by itself where standard error is not a terminal.
        self.bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        (self.label, self.total, self.tenths) = (label, total, 0);
    }

    fn progress(&mut self, done: u64) {
        self.bar.set_position(done);
        let tenths = done.saturating_mul(10) / self.total.max(1);
        if self.bar.is_hidden() && tenths > self.tenths {
            self.tenths = tenths;
            self.say(&format!("{}: {} %", self.label, tenths * 10));
        }
    }

    fn skipped(&mut self, line: u64, reason: &str) {
        self.say(&format!("line {line} skipped: {reason}"));
    }

    fn refused(&mut self, tenant: &str, number: &str, reason: &str) {
        self.say(&format!(
            "invoice {number} of {tenant} not stored: {reason}"
        ));
    }
}
