use super::*;

#[test]
fn the_seams_and_tests_may_name_the_runtime() {
    for path in [
        "storage/src/disk/glommio.rs",
        "net/src/link/glommio.rs",
        "net/src/listener/glommio_acceptor.rs",
        "broker/src/runtime/glommio/executor.rs",
        "storage/src/log/append_test.rs",
        "storage/tests/power_cut.rs",
    ] {
        assert!(may_name_runtime(path), "{path}");
    }
}

#[test]
fn other_files_may_not() {
    for path in [
        "storage/src/disk/mod.rs",
        "storage/src/log/glommio.rs",
        "broker/src/shard/mod.rs",
        "broker/src/runtime/glommiolike.rs",
        "tools/pelton/src/main.rs",
    ] {
        assert!(!may_name_runtime(path), "{path}");
    }
}

#[test]
fn every_way_of_naming_the_crate_is_seen() {
    for code in [
        "use glommio::Task;",
        "    let task = glommio::spawn_local(f);",
        "use ::glommio::io::DmaFile;",
        "use glommio as runtime;",
        "use ::glommio;",
        "extern crate glommio;",
        "use {bytes::Bytes, glommio::Task};",
        "fn f(x: &::glommio::Task<()>) {}",
        "let x = 1; /* */ glommio :: yield_if_needed().await;",
    ] {
        assert_eq!(lines_naming_runtime(code), [1], "{code}");
    }
}

#[test]
fn comments_and_modules_of_ours_are_not_the_crate() {
    for code in [
        "// glommio::spawn_local would do",
        "/// see `glommio::Task`",
        "mod glommio;",
        "pub use self::glommio::GlommioDisk;",
        "use crate::disk::glommio::open;",
        "let name = \"glommio\";",
        "use glommio_like::Task;",
        "my_glommio::spawn();",
    ] {
        assert!(lines_naming_runtime(code).is_empty(), "{code}");
    }
}
