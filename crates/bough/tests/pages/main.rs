//! What people do in the browser, by what it is about: pages and forms over HTTP, as a browser without
//! script asks for them and sends them. One program, because each takes its time to link.

mod account;
mod attacks;
mod branches;
mod console;
mod databases;
mod everybody;
mod html;
mod passwords;
mod service_tokens;
mod settings;
mod support;
