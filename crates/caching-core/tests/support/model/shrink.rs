//! Runs steps on the cache and on its model, and finds the fewest that show a difference.

use super::asked::Asked;
use super::item::{Item, TENANTS};
use super::spec::Model;
use super::step::{Came, Step, Verb};

/// A step that came to something else than the model says.
#[derive(Debug)]
pub struct Difference {
    pub at: usize,
    pub cache: Option<Came>,
    pub model: Vec<Option<Came>>,
}

/// Runs steps in virtual time, and gives the first difference.
pub fn difference(steps: &[Step]) -> Option<Difference> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime
        .block_on(async {
            let (mut cache, mut models) = (Asked::new(), vec![Model::default()]);
            for (at, step) in steps.iter().enumerate() {
                models = compared(&mut cache, &models, step, at).await?;
                if models.len() > 1 {
                    // Which way it went shows in what is kept.
                    for step in everything() {
                        models = compared(&mut cache, &models, &step, at).await?;
                    }
                }
            }
            Ok(())
        })
        .err()
}

async fn compared(
    cache: &mut Asked,
    models: &[Model],
    step: &Step,
    at: usize,
) -> Result<Vec<Model>, Difference> {
    let came = cache.after(step).await;
    let ways: Vec<_> = models.iter().flat_map(|model| model.after(step)).collect();
    let mut possible: Vec<Model> = Vec::new();
    for (expected, model) in &ways {
        if *expected == came && !possible.contains(model) {
            possible.push(model.clone());
        }
    }
    match possible.is_empty() {
        false => Ok(possible),
        true => Err(Difference {
            at,
            cache: came,
            model: ways.into_iter().map(|(expected, _)| expected).collect(),
        }),
    }
}

/// A look at everything that is kept.
fn everything() -> impl Iterator<Item = Step> {
    (0..TENANTS).map(|tenant| Step {
        tenant,
        verb: Verb::GetMany(Item::ALL.to_vec(), true),
        leaves_after: None,
    })
}

/// The fewest steps that still show a difference, as far as leaving some out can tell.
pub fn shrunk(steps: &[Step]) -> Vec<Step> {
    let mut steps = steps.to_vec();
    if let Some(difference) = difference(&steps) {
        steps.truncate(difference.at + 1);
    }
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut from = 0;
        while from < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(from..(from + size).min(steps.len()));
            match difference(&fewer) {
                Some(_) => steps = fewer,
                None => from += size,
            }
        }
        size /= 2;
    }
    steps
}

/// A difference as a person reads it.
pub fn told(seed: u64, steps: &[Step]) -> String {
    let steps = shrunk(steps);
    let mut text = format!("seed {seed}, the {} steps that are left:\n", steps.len());
    for step in &steps {
        text += &format!("  {step:?}\n");
    }
    if let Some(Difference { at, cache, model }) = difference(&steps) {
        text += &format!("step {at} came to\n  {cache:?}\nand not to\n  {model:?}");
    }
    text
}
