#pragma once

#include <memory>
#include <string>
#include <vector>

#include "crypto/derive.h"
#include "repository/snapshot.h"
#include "store/object_store.h"
#include "system/clock.h"
#include "system/random.h"

namespace perdure::repository {

class Index;
class Keyring;

/// What opens a key slot.
struct KeySecret {
    enum class Kind { passphrase, key_file, recovery_phrase } kind = Kind::key_file;
    crypto::SecretBytes bytes;
    /// An external program printed it: 32 bytes or more are taken for random and get a slot of
    /// their own kind, which opens without the cost of a passphrase.
    bool from_command = false;
};

struct Outside {
    system::Clock const& clock;
    system::Random& random;
};

struct OpenOptions {
    system::Path cache_folder;  ///< index segments and metadata packs, by repository id
    unsigned threads = 2;
    bool read_only = false;
};

struct CreateOptions {
    crypto::PassphraseCost cost;
    bool parity = true;
    std::string label;
};

/// A session that is writing one snapshot. Destroyed without commit, it leaves only packs that
/// nobody refers to; the next run finds their blobs and goes on from there.
class BackupSession {
public:
    virtual ~BackupSession() = default;
    virtual WriteContext& context() = 0;
    virtual SessionId id() const = 0;
    /// Additions → packs → index → put-if-absent of snapshot/<session>: the only commit.
    /// Fails: conflict (fenced meanwhile).
    virtual Result<Snapshot> commit(Snapshot snapshot, std::stop_token stop) = 0;
};

/// An open repository: keyring loaded, index mapped.
/// Threads: const methods from any; sessions and upkeep from one thread each.
class Repository {
public:
    /// Fails: conflict when the store holds a repository already.
    static Result<void> create(std::shared_ptr<store::ObjectStore> store, KeySecret const& secret,
                               CreateOptions const& options, Outside outside, std::stop_token stop);
    /// Fails: not_found (no repository here, PD-0010), denied (wrong key, PD-0012), unsupported
    /// (a newer format, named), corrupt (PD-0014), unavailable (PD-0013).
    static Result<std::unique_ptr<Repository>> open(std::shared_ptr<store::ObjectStore> store,
                                                    KeySecret const& secret, OpenOptions options,
                                                    Outside outside, std::stop_token stop);
    virtual ~Repository() = default;

    virtual RepositoryId const& id() const = 0;
    /// When it was made, by the clock of who made it.
    virtual Timestamp created() const = 0;
    virtual store::ObjectStore& store() = 0;
    virtual Domains& domains() = 0;
    /// Slots, epochs and erasure; the same object as domains().
    virtual Keyring& keyring() = 0;
    virtual BlobReader& blobs() = 0;
    /// Which pack holds what, for upkeep/.
    virtual std::shared_ptr<Index> index() = 0;
    virtual Outside outside() const = 0;
    /// Whether packs bear a parity suffix here.
    virtual bool parity() const = 0;
    virtual ReadContext read_context() = 0;
    /// Newest last; tombstoned and fenced ones left out. Unreadable ones are named in `damaged`.
    virtual Result<std::vector<Snapshot>> snapshots(std::vector<data::Problem>* damaged,
                                                    std::stop_token stop) = 0;
    virtual Result<std::unique_ptr<BackupSession>> begin(std::stop_token stop) = 0;
    /// Puts a tombstone over the snapshot (kept at least a year). Fails: denied when it is pinned.
    virtual Result<void> remove_snapshot(SessionId const& id, std::stop_token stop) = 0;
};

}  // namespace perdure::repository
