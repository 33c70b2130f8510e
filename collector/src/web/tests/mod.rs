//! Tests of the pages over the whole router: a browser without JavaScript against a collector on temporary files.

mod actions;
mod booking;
mod logins;
mod pages;

use crate::testing::World;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

const PASSWORD: &str = "tide-lamp-42-é&=";

/// An answer, read to its end.
struct Page {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// The value of the first hidden field `csrf`.
    fn csrf(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"csrf\" value=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }
}

/// A browser: it keeps cookies and follows nothing.
struct Browser {
    routes: Router,
    cookies: Vec<(String, String)>,
}

impl Browser {
    fn new(world: &World) -> Self {
        Self { routes: super::with_api(&world.app), cookies: Vec::new() }
    }

    async fn send(&mut self, request: Request<Body>) -> Page {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for set in parts.headers.get_all("set-cookie") {
            let (name, rest) = set.to_str().unwrap().split_once('=').unwrap();
            let (value, flags) = rest.split_once(';').unwrap();
            assert!(flags.contains("HttpOnly") && flags.contains("SameSite=Lax") && flags.contains("Path=/"));
            self.cookies.retain(|(n, _)| n != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let body = String::from_utf8(bytes).unwrap();
        Page { status: parts.status, headers: parts.headers, body }
    }

    fn cookie(&self) -> String {
        self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; ")
    }

    async fn get(&mut self, path: &str) -> Page {
        let request = Request::get(path).header("accept", "text/html").header("cookie", self.cookie());
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let pairs = fields.iter().map(|(n, v)| format!("{n}={}", encode(v)));
        let body = pairs.collect::<Vec<_>>().join("&");
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", self.cookie());
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn log_in(&mut self, user: &str, password: &str, next: &str) -> Page {
        let csrf = self.get("/login").await.csrf();
        self.post("/login", &[("user", user), ("password", password), ("csrf", &csrf), ("next", next)]).await
    }

    /// As a user who exists.
    async fn of(world: &World, user: &str) -> Self {
        let mut browser = Self::new(world);
        let page = browser.log_in(user, PASSWORD, "").await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
        browser
    }
}

fn encode(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

/// Customers c-1 and c-2 with a user each, and the admin `boss`.
async fn people(world: &World) {
    for (id, name) in [("c-1", "Anna <script>alert(1)</script> & Co"), ("c-2", "Bob")] {
        let (status, answer) =
            world.post("/v1/customers", json!({"id": id, "name": name, "billing_zone": "Europe/Riga"})).await;
        assert_eq!(status, 201, "{answer}");
    }
    for (login, role, customer) in [
        ("anna", "customer", Some("c-1")),
        ("bob", "customer", Some("c-2")),
        ("boss", "admin", None),
        ("audit", "auditor", None),
    ] {
        let mut user = json!({"login": login, "password": PASSWORD, "role": role});
        if let Some(customer) = customer {
            user["customer"] = json!(customer);
        }
        let (status, answer) = world.post("/v1/users", user).await;
        assert_eq!(status, 201, "{answer}");
    }
}
