//! A table: a source of many keys, whose loads are written down and wait at a gate.

use std::io;
use std::sync::{Arc, Mutex};

use caching_core::{CacheKey, HybridCache, ManyContext};
use caching_testkit::Gate;
use futures::future::BoxFuture;
use tokio::task::JoinHandle;

use super::broken;

/// A key that carries a tag of its own.
#[derive(Clone, CacheKey)]
#[cache_key(kind = "article", value = usize, tags = ["article:{id}"])]
pub struct ArticleKey {
    pub id: usize,
}

/// A source of many keys; each has its length as its value, but those that are missing have none.
#[derive(Clone)]
pub struct Table {
    /// The keys of each load, sorted.
    loads: Arc<Mutex<Vec<Vec<String>>>>,
    pub gate: Gate,
    is_broken: bool,
}

type Rows<K> = BoxFuture<'static, Result<Vec<(K, usize)>, io::Error>>;

impl Table {
    pub fn open() -> Self {
        Self::behind(&Gate::opened())
    }

    pub fn behind(gate: &Gate) -> Self {
        Self {
            loads: Arc::default(),
            gate: gate.clone(),
            is_broken: false,
        }
    }

    /// The same table, which fails.
    pub fn broken(&self) -> Self {
        Self {
            is_broken: true,
            ..self.clone()
        }
    }

    /// A factory of many keys.
    pub fn load<K>(&self) -> impl Fn(ManyContext, Vec<K>) -> Rows<K> + Send + Sync + use<K>
    where
        K: AsRef<str> + Clone + Send + 'static,
    {
        let table = self.clone();
        move |_, keys| table.clone().rows(keys)
    }

    /// What the table has of these keys, once the gate lets it through.
    pub fn rows<K>(self, keys: Vec<K>) -> Rows<K>
    where
        K: AsRef<str> + Clone + Send + 'static,
    {
        Box::pin(async move {
            let mut names: Vec<String> = keys.iter().map(|key| key.as_ref().to_owned()).collect();
            names.sort();
            self.loads.lock().unwrap().push(names);
            self.gate.pass().await;
            if self.is_broken {
                return Err(broken());
            }
            let has = |key: &K| !key.as_ref().starts_with("no");
            let row = |key: K| (key.clone(), key.as_ref().len());
            Ok(keys.into_iter().filter(has).map(row).collect())
        })
    }

    /// The keys of each load so far.
    pub fn loads(&self) -> Vec<Vec<String>> {
        self.loads.lock().unwrap().clone()
    }

    /// All keys that were loaded so far, sorted.
    pub fn loaded(&self) -> Vec<String> {
        let mut loaded = self.loads().concat();
        loaded.sort();
        loaded
    }
}

pub type Values = Vec<Option<usize>>;

pub async fn read(cache: &HybridCache, keys: &[&'static str], table: &Table) -> Values {
    values(cache.get_or_set_many(keys, table.load()).await.unwrap())
}

pub fn values(found: Vec<Option<Arc<usize>>>) -> Values {
    found
        .into_iter()
        .map(|value| value.map(|value| *value))
        .collect()
}

/// Reads in a task of its own.
pub fn reading(cache: &HybridCache, keys: &[&'static str], table: &Table) -> JoinHandle<Values> {
    let (cache, keys, table) = (cache.clone(), keys.to_vec(), table.clone());
    tokio::spawn(async move { read(&cache, &keys, &table).await })
}

pub fn peek(cache: &HybridCache, key: &str) -> Option<usize> {
    cache.peek::<_, usize>(key).unwrap().map(|value| *value)
}
