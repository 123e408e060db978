//! A multi-tenant invoice API, made of modules in an app host.

pub mod text;
pub mod http;
pub mod database;
pub mod events_standin;
pub mod tenants;
pub mod invoices;
pub mod customers;
pub mod import;
