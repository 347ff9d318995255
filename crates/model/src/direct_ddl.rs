//! Direct changes of the schema on a branch with safe migrations: the server's refusal of one becomes the error
//! that clients of the contract know. It is the only answer that is ever rewritten.

use crate::DatabaseName;

/// The error's number.
pub const DIRECT_DDL_ERRNO: u16 = 1105;
/// The error's SQLSTATE.
pub const DIRECT_DDL_STATE: &str = "HY000";
/// The error's words.
pub const DIRECT_DDL_MESSAGE: &str = "direct DDL is disabled";

/// Rights whose absence stops a schema change, as the server names them.
const DDL_WORDS: [&[u8]; 7] =
    [b"CREATE", b"ALTER", b"DROP", b"INDEX", b"TRIGGER", b"CREATE VIEW", b"REFERENCES"];

const TABLE_ACCESS_DENIED: u16 = 1142;
const DATABASE_ACCESS_DENIED: u16 = 1044;
const ROUTINE_ACCESS_DENIED: u16 = 1370;
/// Triggers may not be made or removed without a right that no client has.
const TRIGGER_REFUSED: u16 = 1419;
/// A table that cannot be written: that of events is sealed there.
const TABLE_READ_ONLY: u16 = 1036;

/// Whether an error of this number may have to be rewritten.
pub const fn may_be_direct_ddl(errno: u16) -> bool {
    matches!(
        errno,
        TABLE_ACCESS_DENIED
            | DATABASE_ACCESS_DENIED
            | ROUTINE_ACCESS_DENIED
            | TRIGGER_REFUSED
            | TABLE_READ_ONLY
    )
}

/// Whether the server has refused a schema change of the branch's schema. Whatever language the server speaks, it
/// begins with the rights, or names the schema.
pub fn is_direct_ddl(errno: u16, message: &[u8], schema: &DatabaseName) -> bool {
    match errno {
        TABLE_ACCESS_DENIED => {
            let is_right = |word: &&[u8]| word.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b','));
            let words: Vec<&[u8]> = message.split(|byte| *byte == b' ').take_while(is_right).collect();
            let rights = words.join(&b' ');
            rights.split(|byte| *byte == b',').any(|right| DDL_WORDS.contains(&right.trim_ascii()))
        }
        DATABASE_ACCESS_DENIED => message.ends_with(format!("'{}'", schema.as_str()).as_bytes()),
        ROUTINE_ACCESS_DENIED => {
            message.get(..13).is_some_and(|right| right.eq_ignore_ascii_case(b"alter routine"))
        }
        TRIGGER_REFUSED => true,
        TABLE_READ_ONLY => message.windows(7).any(|name| name == b"'event'"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_schema_changes_are() {
        let schema = DatabaseName::parse("shop").expect("a name");
        let is = |errno, message: &str| is_direct_ddl(errno, message.as_bytes(), &schema);
        let of = "command denied to user 'planetscale-admin'@'localhost' for";
        assert!(is(1142, &format!("CREATE {of} table `shop`.`t`")));
        assert!(is(1142, &format!("CREATE VIEW {of} table `shop`.`t`")));
        assert!(is(1142, &format!("INSERT, CREATE {of} table `shop`.`t`")));
        assert!(is(1142, "DROP Befehl nicht erlaubt"));
        assert!(!is(1142, &format!("SELECT {of} table `shop`.`CREATE`")));
        assert!(!is(1142, &format!("SHOW VIEW {of} table `shop`.`t`")));
        assert!(is(1044, "Access denied for user 'planetscale-admin'@'localhost' to database 'shop'"));
        assert!(!is(1044, "Access denied for user 'planetscale-admin'@'localhost' to database 'mysql'"));
        assert!(is(1370, &format!("alter routine {of} routine 'shop.p'")));
        assert!(!is(1370, &format!("execute {of} routine 'shop.p'")));
        assert!(is(1419, "You do not have the SUPER privilege and binary logging is enabled"));
        assert!(is(1036, "Table 'event' is read only"));
        assert!(!is(1036, "Table 'global_priv' is read only"));
        assert!(!is(1045, "CREATE"));
    }
}
