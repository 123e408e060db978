//! A module of closures, so that each test shows the few lines that matter to it.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

pub(crate) mod cache_section;

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use app_host::{
    App, AppBuilder, AppContext, BoxError, BuildError, BuildErrors, Config, ConfigureContext,
    Dependencies, Enablement, Module, StopReport, async_trait,
};
use std::future::Future;
use std::pin::Pin;

type Step = Box<
    dyn Fn(AppContext) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>> + Send + Sync,
>;
type Configure = Box<dyn Fn(&mut ConfigureContext<'_>) -> Result<(), BoxError> + Send + Sync>;
type Enable = Box<dyn Fn(&Config) -> Enablement + Send + Sync>;

/// Tells modules of tests apart: `Testing<A>` and `Testing<B>` are two modules.
pub(crate) struct A;
pub(crate) struct B;
pub(crate) struct C;
pub(crate) struct D;

/// A module whose steps are closures; by default they do nothing.
pub(crate) struct Testing<Id> {
    name: &'static str,
    depends_on: fn() -> Dependencies,
    sections: &'static [&'static str],
    enablement: Enable,
    configure: Configure,
    start: Step,
    stop: Step,
    id: PhantomData<fn() -> Id>,
}

pub(crate) fn module<Id>(name: &'static str) -> Testing<Id> {
    Testing {
        name,
        depends_on: Dependencies::none,
        sections: &[],
        enablement: Box::new(|_| Enablement::Enabled),
        configure: Box::new(|_| Ok(())),
        start: Box::new(|_| Box::pin(async { Ok(()) })),
        stop: Box::new(|_| Box::pin(async { Ok(()) })),
        id: PhantomData,
    }
}

impl<Id> Testing<Id> {
    pub(crate) fn depends_on(mut self, depends_on: fn() -> Dependencies) -> Self {
        self.depends_on = depends_on;
        self
    }

    pub(crate) fn sections(mut self, sections: &'static [&'static str]) -> Self {
        self.sections = sections;
        self
    }

    pub(crate) fn enablement(
        mut self,
        f: impl Fn(&Config) -> Enablement + Send + Sync + 'static,
    ) -> Self {
        self.enablement = Box::new(f);
        self
    }

    pub(crate) fn disabled(self, reason: &'static str) -> Self {
        self.enablement(move |_| Enablement::disabled(reason))
    }

    pub(crate) fn configure(
        mut self,
        f: impl Fn(&mut ConfigureContext<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.configure = Box::new(f);
        self
    }

    pub(crate) fn start<Fut>(
        mut self,
        f: impl Fn(AppContext) -> Fut + Send + Sync + 'static,
    ) -> Self
    where
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.start = Box::new(move |cx| Box::pin(f(cx)));
        self
    }

    pub(crate) fn stop<Fut>(mut self, f: impl Fn(AppContext) -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.stop = Box::new(move |cx| Box::pin(f(cx)));
        self
    }

    /// Writes the start and the stop into a diary.
    pub(crate) fn in_diary(self, diary: &Diary) -> Self {
        let (name, starts, stops) = (self.name, diary.clone(), diary.clone());
        self.start(move |_| {
            starts.write(format!("start {name}"));
            async { Ok(()) }
        })
        .stop(move |_| {
            stops.write(format!("stop {name}"));
            async { Ok(()) }
        })
    }
}

#[async_trait]
impl<Id: 'static> Module for Testing<Id> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn depends_on(&self) -> Dependencies {
        (self.depends_on)()
    }

    fn sections(&self) -> &'static [&'static str] {
        self.sections
    }

    fn enablement(&self, config: &Config) -> Enablement {
        (self.enablement)(config)
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        (self.configure)(cx)
    }

    async fn start(&self, cx: &AppContext) -> Result<(), BoxError> {
        (self.start)(cx.clone()).await
    }

    async fn stop(&self, cx: &AppContext) -> Result<(), BoxError> {
        (self.stop)(cx.clone()).await
    }
}

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    pub(crate) fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// An application that sees neither files nor the environment of the test run.
pub(crate) fn app() -> AppBuilder {
    App::builder()
        .without_environment_variables()
        .config_str(app_host::ConfigFormat::Toml, "")
}

/// The errors of a build that has to fail.
pub(crate) async fn errors(builder: AppBuilder) -> BuildErrors {
    builder
        .build()
        .await
        .map(|app| app.report().to_string())
        .expect_err("the build fails")
}

/// The only error of a build that has to fail.
pub(crate) async fn only_error(builder: AppBuilder) -> BuildError {
    let errors = errors(builder).await;
    assert_eq!(errors.errors().len(), 1, "{errors}");
    errors.into_iter().next().unwrap()
}

/// `c` needs `b` needs `a`, given in the wrong order.
pub(crate) fn chain(diary: &Diary) -> [AppBuilder; 1] {
    let builder = app()
        .with_module(
            module::<C>("c")
                .depends_on(|| Dependencies::none().requires_added::<Testing<B>>())
                .in_diary(diary),
        )
        .with_module(
            module::<B>("b")
                .depends_on(|| Dependencies::none().after::<Testing<A>>())
                .in_diary(diary),
        )
        .with_module(module::<A>("a").in_diary(diary));
    [builder]
}

pub(crate) async fn built(builder: AppBuilder) -> App {
    builder.build().await.unwrap()
}

pub(crate) fn names(report: &StopReport) -> Vec<&'static str> {
    report.modules().iter().map(|stop| stop.module).collect()
}
