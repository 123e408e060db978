//! The medians that divan prints, as ratios of `cache` to what it is compared with.

use std::fmt;

/// The row of our own cache in each scene.
const OURS: &str = "cache";

/// The scenes of a run, each with the medians of its rows in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Ratios(Vec<Scene>);

#[derive(Debug)]
struct Scene {
    name: String,
    medians: Vec<(String, f64)>,
}

impl Ratios {
    /// Reads a line of divan's table: `│  ├─ cache   159.7 µs │ 2.214 ms │ 185.3 µs │ …`.
    pub(crate) fn read(&mut self, line: &str) {
        if !line.contains("├─") && !line.contains("╰─") {
            return;
        }
        let row = line.trim_start_matches(['│', '├', '╰', '─', ' ']);
        let mut cells = row.split('│').map(str::trim);
        let (Some(first), median) = (cells.next(), cells.nth(1).and_then(nanoseconds)) else {
            return;
        };
        let Some(name) = first.split_whitespace().next().map(str::to_owned) else {
            return;
        };
        match (median, self.0.last_mut()) {
            (Some(median), Some(scene)) => scene.medians.push((name, median)),
            (Some(_), None) => {}
            (None, _) => self.0.push(Scene {
                name,
                medians: Vec::new(),
            }),
        }
    }
}

impl fmt::Display for Ratios {
    /// A table in Markdown, ready to be kept.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| scene | against | ratio of medians |")?;
        writeln!(f, "| --- | --- | --- |")?;
        for scene in &self.0 {
            let ours = scene.medians.iter().find(|(name, _)| name == OURS);
            let Some((_, ours)) = ours else { continue };
            for (name, other) in scene.medians.iter().filter(|(name, _)| name != OURS) {
                writeln!(f, "| {} | {name} | {:.2} |", scene.name, ours / other)?;
            }
        }
        Ok(())
    }
}

/// The time that divan prints: a number and a unit.
fn nanoseconds(time: &str) -> Option<f64> {
    let (number, unit) = time.split_once(' ')?;
    let scale = match unit {
        "ns" => 1.0,
        "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * scale)
}

#[cfg(test)]
mod tests {
    use super::Ratios;

    const OUTPUT: &str = "\
hit                                   fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ hit_hot_1_thread                 │               │               │               │         │
│  ├─ cache           159.7 µs      │ 2.214 ms      │ 100 µs        │ 357 µs        │ 100     │ 400
│  │                  6.411 Mitem/s │ 462.4 Kitem/s │ 5.526 Mitem/s │ 2.868 Mitem/s │         │
│  ╰─ moka_future     278.9 µs      │ 2.409 ms      │ 0.4 ms        │ 674.9 µs      │ 100     │ 400
╰─ miss                             │               │               │               │         │
   ├─ cache           1.7 µs        │ 2.2 µs        │ 3 µs          │ 3 µs          │ 100     │ 400
   ╰─ moka_get_with   1.7 µs        │ 2.2 µs        │ 2 µs          │ 3 µs          │ 100     │ 400";

    #[test]
    fn each_scene_is_compared_by_its_medians() {
        let mut ratios = Ratios::default();
        OUTPUT.lines().for_each(|line| ratios.read(line));
        assert_eq!(
            ratios.to_string(),
            "| scene | against | ratio of medians |\n\
             | --- | --- | --- |\n\
             | hit_hot_1_thread | moka_future | 0.25 |\n\
             | miss | moka_get_with | 1.50 |\n"
        );
    }
}
