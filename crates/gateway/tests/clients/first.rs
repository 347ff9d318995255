//! The thread through the house: each client gets in, runs a statement, and is kept out without its password.

use bough_model::PasswordRole;
use mysql::prelude::Queryable as _;

use crate::support::{PASSWORD, Rig, printed};

#[test]
fn the_shell_gets_in_through_tls() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::Admin);
    let run =
        |statement: &str| rig.shell(&user).args(["-N", "-e", statement, "shop"]).output().expect("a shell");
    assert_eq!(printed(&run("SELECT CURRENT_USER(), DATABASE()")), "planetscale-admin@localhost\tshop\n");
    let wrong = rig.shell(&user).args(["--password=wrong", "-e", "SELECT 1"]).output().expect("a shell");
    let error = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(error.contains("ERROR 1045 (28000)"), "{error}");
}

#[test]
fn drivers_get_in() {
    let rig = Rig::new();
    let user = rig.user(PasswordRole::ReadWriter);
    let mut connection = rig.connect(&user);
    let row: Option<(String, u64)> = connection.query_first("SELECT CURRENT_USER(), 7").expect("a row");
    assert_eq!(row, Some(("planetscale-writer@localhost".to_owned(), 7)));
    let row: Option<u64> = connection.exec_first("SELECT ? + 1", (41_u64,)).expect("a row");
    assert_eq!(row, Some(42));
    assert_eq!(rig.refused(rig.options(&user).pass(Some("wrong"))).0, 1045);
    assert_eq!(rig.refused(rig.options(&user).pass(None::<&str>)).0, 1045);
    assert_eq!(rig.refused(rig.options("nobody00000000000000").pass(Some(PASSWORD))).0, 1045);

    let port = rig.address.port();
    let row: Option<(String, String)> = rig.runtime.block_on(async {
        use mysql_async::prelude::Queryable as _;
        let options = mysql_async::OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(port)
            .prefer_socket(false)
            .user(Some(user))
            .pass(Some(PASSWORD))
            .ssl_opts(mysql_async::SslOpts::default().with_root_certs(vec![rig.ca.path().to_owned().into()]));
        let mut connection = mysql_async::Conn::new(options).await.expect("a session");
        let row = connection.query_first("SELECT CURRENT_USER(), DATABASE() IS NULL").await.expect("a row");
        connection.disconnect().await.expect("goodbye");
        row
    });
    assert_eq!(row, Some(("planetscale-writer@localhost".to_owned(), "1".to_owned())));
}
