//! Sending a command, and what its answer says of the server.

use deadpool_redis::redis::{Cmd, Pipeline, RedisResult, Value, cmd};

use super::connect::Connection;
use super::shared::Shared;
use super::silence::Pending;
use crate::error::RedisLinkError;
use crate::scripts::Script;

impl Shared {
    /// Sends a command and waits for its answer.
    pub(crate) async fn send(
        &self,
        connection: &Connection,
        command: &Cmd,
    ) -> Result<Value, RedisLinkError> {
        let pending = Pending::new(self, connection);
        let answer = connection.multiplexed().send_packed_command(command).await;
        pending.answered();
        match self.judge(connection, answer)? {
            Value::ServerError(error) => {
                Err(self.judged(connection, RedisLinkError::server(&error)))
            }
            value => Ok(value),
        }
    }

    /// Sends commands in one go and waits for their answers, errors among them.
    pub(crate) async fn send_all(
        &self,
        connection: &Connection,
        commands: &Pipeline,
    ) -> Result<Vec<Value>, RedisLinkError> {
        let pending = Pending::new(self, connection);
        let answer = connection
            .multiplexed()
            .send_packed_commands(commands, 0, commands.len())
            .await;
        pending.answered();
        let answers = self.judge(connection, answer)?;
        for answer in &answers {
            if let Value::ServerError(error) = answer {
                self.judged(connection, RedisLinkError::server(error));
            }
        }
        Ok(answers)
    }

    /// Runs a script. One that the server does not know has not run, so that it can be sent again, whole.
    pub(crate) async fn run(
        &self,
        connection: &Connection,
        script: &Script,
        arguments: impl Fn(&mut Cmd),
    ) -> Result<Value, RedisLinkError> {
        let mut command = cmd("EVALSHA");
        command.arg(script.hash());
        arguments(&mut command);
        match self.send(connection, &command).await {
            Err(RedisLinkError::Server { code, .. }) if code == "NOSCRIPT" => {
                let mut command = cmd("EVAL");
                command.arg(script.code());
                arguments(&mut command);
                self.send(connection, &command).await
            }
            answer => answer,
        }
    }

    fn judge<T>(
        &self,
        connection: &Connection,
        answer: RedisResult<T>,
    ) -> Result<T, RedisLinkError> {
        answer.map_err(|error| {
            if error.is_unrecoverable_error() || error.is_io_error() {
                self.lost(connection.id());
            }
            self.judged(connection, RedisLinkError::client(error))
        })
    }

    fn judged(&self, connection: &Connection, error: RedisLinkError) -> RedisLinkError {
        if error.is_of_a_demoted_server() {
            let mut set = self.set();
            if set.generation == connection.generation() {
                set.demote();
                self.made_anew(&set, "the server may no longer answer");
            }
        }
        error
    }
}
