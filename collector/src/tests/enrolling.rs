//! Enrolment: single-use tokens, approval, replacement, revocation.

use crate::testing::{Host, T0, World, batch, cpu};
use axum::http::Method;
use hostmeter_core::wire::ack::HostState;
use hostmeter_core::wire::key::{hex, unhex};
use serde_json::json;

#[tokio::test]
async fn a_token_works_once_and_for_one_key() {
    let world = World::start().await;
    let token = world.invite(json!({"host": "web1", "approve": true})).await;
    let first = Host::enroll(&world, &token, [1; 32]).await.unwrap();
    let again = Host::enroll(&world, &token, [1; 32]).await.unwrap();
    assert_eq!((first.id, first.epoch), (again.id, 1), "the first answer again");
    let err = |r: Result<Host, String>| r.err().unwrap();
    assert_eq!(err(Host::enroll(&world, &token, [2; 32]).await), "401 token_used");
    let mut wrong = token.clone();
    wrong.secret[0] ^= 1;
    assert_eq!(err(Host::enroll(&world, &wrong, [2; 32]).await), "401 token_unknown");
    let late = world.invite(json!({"host": "web2"})).await;
    world.app.clock.set(T0 + 3_600_000);
    assert_eq!(err(Host::enroll(&world, &late, [2; 32]).await), "401 token_expired");
    assert_eq!(err(Host::enroll(&world, &token, [1; 32]).await), "401 token_expired");
    let (status, problem) = world.post("/v1/enrolment-tokens", json!({"host": "web1"})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("host_exists")));
    let (status, problem) = world.post("/v1/enrolment-tokens", json!({"host": "Web 1"})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid")), "{problem}");
    assert_eq!(world.sql("SELECT count(*) FROM host"), "1");
}

#[tokio::test]
async fn two_tokens_of_one_name_make_one_host() {
    let world = World::start().await;
    let (a, b) = (world.invite(json!({"host": "web1"})).await, world.invite(json!({"host": "web1"})).await);
    Host::enroll(&world, &a, [1; 32]).await.unwrap();
    assert_eq!(Host::enroll(&world, &b, [2; 32]).await.err().unwrap(), "409 host_exists");
    let c = world.invite(json!({"host": "web2"})).await;
    assert_eq!(Host::enroll(&world, &c, [1; 32]).await.err().unwrap(), "409 key_known");
}

#[tokio::test]
async fn a_request_must_be_signed_by_its_own_key() {
    use hostmeter_core::ids::HostId;
    use hostmeter_core::wire::enroll::EnrollRequest;
    use hostmeter_core::wire::envelope::{Domain, seal};
    use hostmeter_core::wire::key::{SigningKey, hex};
    let world = World::start().await;
    let token = world.invite(json!({"host": "web1"})).await;
    let (mine, other) = (SigningKey::from_seed(&[1; 32]).unwrap(), SigningKey::from_seed(&[2; 32]).unwrap());
    let request = EnrollRequest {
        v: 1,
        secret: hex(&token.secret),
        public_key: other.public(),
        agent_version: String::new(),
        machine: String::new(),
    };
    let stamp = crate::testing::stamp(Domain::Enroll, HostId([0; 16]), 0, 0, [0; 32]);
    let bytes = seal(&stamp, &request.encode().unwrap(), &mine).unwrap();
    let check = async |bytes: Vec<u8>, want: u16| {
        let (status, _) = world.raw(Method::POST, "/v1/enroll", None, bytes).await;
        assert_eq!(status.as_u16(), want);
    };
    check(bytes, 401).await;
    check(vec![b'x'; 300], 400).await;
    check(vec![], 400).await;
    check(vec![0; 9_000], 413).await;
    assert_eq!(world.sql("SELECT count(*) FROM host"), "0");
}

#[tokio::test]
async fn a_new_key_goes_on_with_the_accounts() {
    let world = World::start().await;
    let mut old = world.host("web1", true).await;
    world.send(&old.next(&batch(0, 10, vec![cpu(1001, "shop", 5)]))).await.unwrap();
    let token = world.invite(json!({"host": "web1", "approve": true, "replace": true})).await;
    assert_eq!(
        world.send_code(&old.next(&batch(10, 20, vec![]))).await,
        Ok(2),
        "until it is used, the old key works"
    );
    let mut new = Host::enroll(&world, &token, [5; 32]).await.unwrap();
    assert_eq!((new.id, new.epoch), (old.id, 2));
    assert_eq!(world.send_code(&old.next(&batch(20, 30, vec![]))).await, Err("401 unknown_key".into()));
    let ack = world.send(&new.next(&batch(20, 30, vec![cpu(1001, "shop", 6)]))).await.unwrap();
    assert_eq!((ack.durable_seq, ack.state), (1, HostState::Live));
    assert_eq!(world.total("shop@web1", "cpu_usec").await, 11);
    assert_eq!(world.sql("SELECT count(*) FROM account"), "1");
}

#[tokio::test]
async fn a_revoked_host_is_out() {
    let world = World::start().await;
    let mut web1 = world.host("web1", true).await;
    world.send(&web1.next(&batch(0, 10, vec![]))).await.unwrap();
    for _ in 0..2 {
        let (status, host) = world.post("/v1/hosts/web1/revoke", json!(null)).await;
        assert_eq!((status, &host["state"]), (200, &json!("revoked")));
    }
    assert_eq!(world.send_code(&web1.next(&batch(10, 20, vec![]))).await, Err("401 unknown_key".into()));
    let (status, problem) = world.post("/v1/hosts/web1/approve", json!(null)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("host_state")));
    let world = world.restart(|_| {}).await;
    assert_eq!(world.send_code(&web1.next(&batch(10, 20, vec![]))).await, Err("401 unknown_key".into()));
    let (status, _) = world.post("/v1/hosts/web9/revoke", json!(null)).await;
    assert_eq!(status, 404);
}

/// Whoever has a copy of control.db can neither send as a host, nor command one, nor log in.
#[tokio::test]
async fn the_database_holds_no_secret() {
    const PASSWORD: &str = "correct horse battery staple";
    let world = World::start().await;
    let web1 = world.host("web1", true).await;
    let invited = world.invite(json!({"host": "web2", "approve": true})).await;
    let user = json!({"login": "ann", "password": PASSWORD, "role": "admin"});
    assert_eq!(world.post("/v1/users", user).await.0, 201);
    let seed = |name: &str| {
        let text = std::fs::read_to_string(world.data_dir().join("keys").join(name)).unwrap();
        unhex::<32>(text.trim()).unwrap().to_vec()
    };
    let mut secrets =
        vec![web1.seed.to_vec(), seed("identity.seed"), seed("command.seed"), invited.secret.to_vec()];
    secrets.extend(secrets.clone().iter().map(|bytes| hex(bytes).into_bytes()));
    secrets.extend([PASSWORD.as_bytes().to_vec(), world.token.as_bytes().to_vec()]);
    let found = |bytes: &[u8]| secrets.iter().position(|s| bytes.windows(s.len()).any(|w| w == s.as_slice()));
    let mut files = 0;
    for name in ["control.db", "control.db-wal", "usage.db", "usage.db-wal"] {
        let Ok(bytes) = std::fs::read(world.data_dir().join(name)) else { continue };
        files += 1;
        assert_eq!(found(&bytes), None, "{name}");
    }
    assert!(files >= 2, "the files were looked at");
    let public = web1.key.public().0;
    let wal = std::fs::read(world.data_dir().join("control.db-wal")).unwrap();
    assert!(wal.windows(32).any(|w| w == public), "what is there would be found");
}
