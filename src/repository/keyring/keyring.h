#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "crypto/sign.h"
#include "repository/domain.h"
#include "repository/repository.h"
#include "store/object_store.h"
#include "system/file.h"

namespace perdure::repository {

enum class SlotKind : std::uint8_t {
    passphrase = 1,
    key_file = 2,
    recovery_phrase = 3,
    command = 4,  ///< an external program prints the secret
};
using SlotId = Opaque<16, struct SlotTag>;

struct SlotInfo {
    SlotId id;
    SlotKind kind = SlotKind::key_file;
    std::string label;
    Timestamp created;
    crypto::PassphraseCost cost;  ///< passphrase only
};

/// Where a keyring rests and what it belongs to.
struct KeyringPlace {
    /// The key homes; the first is the authority where epochs are decided. At least one.
    std::vector<std::shared_ptr<store::ObjectStore>> homes;
    RepositoryId repository;
    crypto::Digest config_hash;  ///< SHA-256 of the repository's config body
    /// Remembers (epoch, manifest hash) on this machine against rollback; empty: no memory, and a
    /// single malicious store can serve an old keyring unseen.
    system::Path pin_file;
};

struct NewSlot {
    KeySecret const& secret;
    std::string label;
    crypto::PassphraseCost cost{};
};

/// A person as a source names them.
struct SubjectName {
    std::string source;
    Bytes key;
};

enum class HandleState { live, erased, unknown };

/// The steps of a change of the keyring, in their order; told to ChangeOptions::log before they are
/// taken (done: after).
enum class ChangeStep {
    intent,  ///< nothing has happened yet; failing here changes nothing
    put_shards,
    put_manifest,  ///< if absent, at the authority: the decision
    read_back,
    copy_to_homes,
    wait_for_sessions,
    fold_stragglers,  ///< what sessions added meanwhile; the old inbox is dropped
    delete_old,       ///< per home
    done,             ///< per home
};

struct ChangeOptions {
    /// True once every lease acknowledged at least this epoch, or is fenced. Asked once; when false
    /// the change stays pending, and settle() completes it later.
    std::function<Result<bool>(std::uint64_t epoch, std::stop_token stop)> sessions_settled;
    /// Sessions that may have written additions (leases, snapshots): a listing may be stale, so
    /// their additions are also asked for by name before the last fold. May be empty.
    std::function<Result<std::vector<SessionId>>(std::stop_token stop)> known_sessions;
    /// How long listings of a home may lag behind; zero for stores that list what is there (all
    /// but a few web drives). Where it is not, `wait` is needed: the change waits so long before it
    /// trusts a listing of leases and of additions.
    std::chrono::seconds listing_lag{0};
    std::function<Result<void>(std::chrono::seconds time, std::stop_token stop)> wait;
    /// The audit log. An error stops the change at that step.
    std::function<Result<void>(ChangeStep step, std::string_view detail)> log;
    std::optional<crypto::Digest> ledger_head;
};

struct HomeReport {
    std::string home;
    bool keys_destroyed = false;
    bool revivable = false;  ///< the home keeps history: old versions can come back
    std::string pending;     ///< why nothing could be done there (yet)
};

struct ChangeReport {
    std::uint64_t epoch = 0;
    bool complete = false;  ///< on every home
    bool waits_for_sessions = false;
    std::vector<Handle> erased;
    std::vector<HomeReport> homes;
};

/// The secrets of a repository: who may open it (slots) and the random key of each domain.
/// Protocol and invariants: keyring/change.cpp; bytes: docs/FORMAT.md "Keyring".
/// Threads: any; those that touch the store wait for each other.
class Keyring final : public Domains {
public:
    /// Makes epoch 1 with one slot, the common domain, chunk and lookup keys.
    /// Fails: conflict (there is a keyring), invalid (a secret too weak), and as the store.
    static Result<std::unique_ptr<Keyring>> create(KeyringPlace place, NewSlot const& slot,
                                                   Outside outside, std::stop_token stop);
    /// Loads the highest manifest over all reachable homes, its shards and additions. Changes
    /// nothing but the pin.
    /// Fails: denied code 12 (no slot opens with this secret); not_found code 10 (no keyring);
    /// corrupt code 14 (damaged, or older than the pin); conflict code 14 (a fork); unsupported.
    static Result<std::unique_ptr<Keyring>> open(KeyringPlace place, KeySecret const& secret,
                                                 Outside outside, std::stop_token stop);
    ~Keyring() override;

    DomainPtr common() const override;
    Result<DomainPtr> find(Handle const& handle) const override;
    /// Fails: denied, when the person was erased while this keyring was open: a session must not
    /// bring back whom it saw leave. The next session may meet them anew.
    Result<DomainPtr> of_subject(std::string const& source, ByteView subject_key) override;

    HandleState state(Handle const& handle) const;
    /// All live handles of a person (two writers may have made one each); makes none.
    std::vector<Handle> handles_of(std::string const& source, ByteView subject_key) const;
    std::uint64_t subjects() const;
    std::vector<Handle> tombstones() const;

    RepositoryId const& repository() const;
    /// Names of keyring objects that could not be read; the rest is usable.
    std::vector<std::string> damaged() const;
    std::uint64_t epoch() const;
    crypto::Digest manifest_hash() const;
    crypto::Digest ledger_head() const;
    crypto::Secret32 chunk_key() const;
    std::vector<SlotInfo> slots() const;
    SlotId opened_slot() const;  ///< the slot whose secret opened this keyring
    /// Fails: corrupt code 14, when the keyring is older than a snapshot demands (rollback).
    Result<void> require_epoch(std::uint64_t epoch_min) const;

    /// The signing pair of a writer by its label ("host/user"); made and queued as an addition when
    /// new. Snapshots are signed with it.
    crypto::SignPair writer(std::string const& label);
    /// The key to verify a writer's signature with, by SHA-256 of the key.
    std::optional<crypto::VerifyKey> writer_key(crypto::Digest const& writer) const;

    /// A session's duties, which erasure relies on: put the lease first, then acknowledge(), then
    /// write that epoch into the lease; the same at each renewal. Before a commit: refresh(), leave
    /// out what belongs to the handles it names, flush_additions(), put the snapshot.
    ///
    /// Stores what of_subject() and writer() made since the last call, as immutable additions named
    /// by the session: needs no lock. Call before the packs of a commit.
    /// Fails: conflict, when an erasure was completed without this session, which was fenced for
    /// being silent: it holds keys of people who may be erased, and must end.
    Result<void> flush_additions(SessionId const& session, std::stop_token stop);
    /// Looks for a newer epoch and takes it over; own unflushed additions stay queued (those of
    /// erased people are dropped). Call before a commit and at each lease renewal.
    /// The handles that were erased since the last load.
    Result<std::vector<Handle>> refresh(std::stop_token stop);

    /// refresh(), then flush_additions(): what a lease does before it writes the epoch returned
    /// here, its acknowledgement.
    Result<std::uint64_t> acknowledge(SessionId const& session, std::stop_token stop);

    /// Destroys the keys of people, by all their handles. Safe to repeat; a crash leaves a state
    /// that settle() or the next change completes.
    /// Fails: not_found (none of them is known: nothing was changed); conflict (lost the race too
    /// often); and as the store.
    Result<ChangeReport> erase(std::vector<SubjectName> const& subjects,
                               ChangeOptions const& options, std::stop_token stop);
    Result<ChangeReport> erase_handles(std::vector<Handle> const& handles,
                                       ChangeOptions const& options, std::stop_token stop);
    /// Adds a slot (a new epoch). Fails: invalid (a weak secret), exhausted (too many slots).
    Result<SlotId> add_slot(NewSlot const& slot, ChangeOptions const& options,
                            std::stop_token stop);
    /// Removes a slot with a fresh root and fresh keys for all shards.
    /// Fails: not_found; invalid (the last slot).
    Result<ChangeReport> remove_slot(SlotId const& id, ChangeOptions const& options,
                                     std::stop_token stop);
    /// A fresh root, inbox and shard keys; slots and their secrets stay valid.
    Result<ChangeReport> rotate(ChangeOptions const& options, std::stop_token stop);
    /// Completes what a crash, a waiting session or an absent home left open; also folds additions
    /// into shards when many have gathered. Cheap when there is nothing to do.
    Result<ChangeReport> settle(ChangeOptions const& options, std::stop_token stop);
    /// Whether settle() would find nothing to do, as far as this keyring knows.
    bool is_settled() const;

    struct State;  ///< keyring/state.h, for this room's own sources

private:
    explicit Keyring(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// A new recovery phrase: 160 random bits as eight groups of Crockford base32, each with its own
/// check character, "7H2KM-…". Easy to read out, hard to mistype: a wrong group is named.
std::string make_recovery_phrase(system::Random& random);
/// Lower case, blanks, I L O are forgiven. Fails: invalid, naming the wrong group.
Result<crypto::SecretBytes> parse_recovery_phrase(std::string_view text);

}  // namespace perdure::repository
