#include "repository/keyring/keyring.h"

#include <fmt/core.h>

#include <algorithm>

#include "repository/keyring/pin.h"
#include "repository/keyring/state.h"
#include "repository/triple.h"

namespace perdure::repository {

namespace {

Error erased() {
    return fail(Fault::denied, "the person's keys were erased");
}

crypto::Secret32 draw_secret(system::Random& random) {
    crypto::Secret32 secret;
    random.fill(secret.span());
    return secret;
}

ManifestBody first_body(system::Random& random) {
    ManifestBody body;
    body.authenticity = draw_secret(random);
    body.common = {random.draw<Handle>(), 1, draw_secret(random), {}};
    body.lookup = draw_secret(random);
    body.chunk = draw_secret(random);
    body.inboxes.push_back({1, crypto::make_seal_pair(random)});
    return body;
}

}  // namespace

Keyring::Keyring(std::unique_ptr<State> state) : state_(std::move(state)) {}
Keyring::~Keyring() = default;

Result<std::unique_ptr<Keyring>> Keyring::create(KeyringPlace place, NewSlot const& slot,
                                                 Outside outside, std::stop_token stop) {
    PD_ASSERT(!place.homes.empty());
    ManifestBody const body = first_body(outside.random);
    Manifest manifest;
    manifest.repository = place.repository;
    manifest.epoch = 1;
    manifest.config_hash = place.config_hash;
    manifest.created = outside.clock.now();
    PD_TRY(Slot first, make_slot(slot, place.repository, body.authenticity, outside));
    manifest.slots.push_back(std::move(first));
    Bytes const bytes = seal_manifest(std::move(manifest), body, outside.random);
    for (auto const& home : place.homes) {
        auto put = put_triple(*home, manifest_name(1), bytes, store::PutMode::if_absent, stop);
        if (!put) return std::move(put).error().within("creating the keyring");
    }
    return open(std::move(place), slot.secret, outside, std::move(stop));
}

Result<std::unique_ptr<Keyring>> Keyring::open(KeyringPlace place, KeySecret const& secret,
                                               Outside outside, std::stop_token stop) {
    PD_ASSERT(!place.homes.empty());
    auto state = std::make_unique<State>(std::move(place), outside);
    state->key.secret = &secret;
    auto loaded = state->reload({}, std::move(stop));
    state->key.secret = nullptr;
    if (!loaded) return std::move(loaded).error();
    return std::unique_ptr<Keyring>(new Keyring(std::move(state)));
}

DomainPtr Keyring::common() const {
    return state_->common;
}

Result<DomainPtr> Keyring::find(Handle const& handle) const {
    if (handle == state_->common->handle()) return state_->common;
    std::lock_guard lock(state_->mutex);
    if (state_->erased_handles.contains(handle) || state_->loaded->tombstone(handle) != nullptr) {
        return erased();
    }
    if (Entry const* entry = state_->loaded->find(handle)) return state_->domain_of(*entry);
    auto const made = state_->made.find(handle);
    if (made != state_->made.end()) return state_->domain_of(made->second);
    return fail(Fault::not_found, "the keyring holds no domain " + to_hex(handle));
}

Result<DomainPtr> Keyring::of_subject(std::string const& source, ByteView subject_key) {
    Token const token = state_->token_of(source, subject_key);
    std::lock_guard lock(state_->mutex);
    if (state_->erased_people.contains(token)) return erased();
    auto const chosen = state_->chosen.find(token);
    if (chosen != state_->chosen.end()) {
        if (Entry const* entry = state_->loaded->find(chosen->second)) {
            return state_->domain_of(*entry);
        }
        auto const made = state_->made.find(chosen->second);
        if (made != state_->made.end()) return state_->domain_of(made->second);
    }
    auto const known = state_->loaded->find(token);
    if (!known.empty()) {
        state_->chosen.insert_or_assign(token, known.front()->handle);
        return state_->domain_of(*known.front());
    }
    auto& random = state_->outside.random;
    Entry const entry{random.draw<Handle>(), 1, draw_secret(random), token};
    state_->made.emplace(entry.handle, entry);
    state_->unflushed.insert(entry.handle);
    state_->chosen.insert_or_assign(token, entry.handle);
    return state_->domain_of(entry);
}

HandleState Keyring::state(Handle const& handle) const {
    auto const domain = find(handle);
    if (domain) return HandleState::live;
    return domain.error().fault() == Fault::denied ? HandleState::erased : HandleState::unknown;
}

std::vector<Handle> Keyring::handles_of(std::string const& source, ByteView subject_key) const {
    Token const token = state_->token_of(source, subject_key);
    std::lock_guard lock(state_->mutex);
    std::vector<Handle> handles;
    for (Entry const* entry : state_->loaded->find(token)) handles.push_back(entry->handle);
    for (auto const& [handle, made] : state_->made) {
        if (made.token == token) handles.push_back(handle);
    }
    return handles;
}

std::uint64_t Keyring::subjects() const {
    std::lock_guard lock(state_->mutex);
    return state_->loaded->live() + state_->made.size();
}

std::vector<Handle> Keyring::tombstones() const {
    auto const loaded = state_->now_loaded();
    std::vector<Handle> handles;
    for (auto const& [handle, tombstone] : loaded->tombstones()) handles.push_back(handle);
    std::ranges::sort(handles);
    return handles;
}

std::vector<std::string> Keyring::damaged() const {
    auto const loaded = state_->now_loaded();
    std::vector<std::string> names;
    for (auto const& [name, addition] : loaded->additions) {
        if (addition.damaged) names.push_back(name);
    }
    if (loaded->damaged_above) names.push_back(manifest_name(loaded->epoch_seen));
    return names;
}

RepositoryId const& Keyring::repository() const {
    return state_->place.repository;
}
std::uint64_t Keyring::epoch() const {
    return state_->now_loaded()->epoch();
}
crypto::Digest Keyring::manifest_hash() const {
    return state_->now_loaded()->manifest.hash;
}
crypto::Digest Keyring::ledger_head() const {
    return state_->now_loaded()->body().ledger_head;
}
crypto::Secret32 Keyring::chunk_key() const {
    return state_->now_loaded()->body().chunk;
}
SlotId Keyring::opened_slot() const {
    return state_->key.opener->slot;
}

std::vector<SlotInfo> Keyring::slots() const {
    std::vector<SlotInfo> infos;
    for (Slot const& slot : state_->now_loaded()->manifest.header.slots) {
        infos.push_back(slot.info);
    }
    return infos;
}

Result<void> Keyring::require_epoch(std::uint64_t epoch_min) const {
    if (epoch() >= epoch_min) return {};
    return fail(Fault::corrupt,
                fmt::format("{}a snapshot demands epoch {} of the keyring, which is at {}",
                            rollback_begins, epoch_min, epoch()))
        .with_code(14);
}

crypto::SignPair Keyring::writer(std::string const& label) {
    std::string const name = label.substr(0, label_bytes_max);
    std::lock_guard lock(state_->mutex);
    for (Writer const& writer : state_->loaded->writers()) {
        if (writer.label == name) return writer.pair;
    }
    for (MadeWriter const& made : state_->made_writers) {
        if (made.writer.label == name) return made.writer.pair;
    }
    Writer writer{name, crypto::make_sign_pair(state_->outside.random)};
    state_->made_writers.push_back({writer});
    return writer.pair;
}

std::optional<crypto::VerifyKey> Keyring::writer_key(crypto::Digest const& writer) const {
    std::lock_guard lock(state_->mutex);
    auto const is_it = [&](Writer const& each) {
        return crypto::sha256(each.pair.open.view()) == writer;
    };
    for (Writer const& each : state_->loaded->writers()) {
        if (is_it(each)) return each.pair.open;
    }
    for (MadeWriter const& made : state_->made_writers) {
        if (is_it(made.writer)) return made.writer.pair.open;
    }
    return std::nullopt;
}

Result<std::vector<Handle>> Keyring::refresh(std::stop_token stop) {
    std::lock_guard lock(state_->store_mutex);
    return state_->reload({}, std::move(stop));
}

Result<std::uint64_t> Keyring::acknowledge(SessionId const& session, std::stop_token stop) {
    std::lock_guard lock(state_->store_mutex);
    PD_CHECK(state_->reload({}, stop));
    PD_CHECK(state_->flush(session, stop));
    return epoch();
}

Result<void> Keyring::flush_additions(SessionId const& session, std::stop_token stop) {
    std::lock_guard lock(state_->store_mutex);
    return state_->flush(session, stop);
}

}  // namespace perdure::repository
