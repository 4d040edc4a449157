#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace perdure::store {

/// "pack/d/3f…": components of [a-z0-9.-], separated by '/'; at most 200 characters. No component
/// begins with '.', and no name in use is a folder of another ("a" beside "a/b").
using ObjectName = std::string;

/// Fails: invalid, for a name outside that grammar (so ".." and absolute names never reach a disk).
Result<void> check_name(ObjectName const& name);

struct ObjectInfo {
    ObjectName name;
    std::uint64_t size_bytes = 0;
    Timestamp modified;  ///< by the store's own clock
};

enum class PutMode {
    if_absent,  ///< fails with conflict when the name exists; exactly one of many writers wins
    replace,    ///< atomically puts the new body in place of the old
};

/// What a kind of store can promise; probed, never assumed.
struct Capabilities {
    bool put_if_absent = true;  ///< without it: one registered writer only
    bool removes = true;        ///< false for append-only credentials
    bool history = false;       ///< old versions stay readable after replace and remove
};

/// Keeps named byte strings; knows nothing of packs or keys. A body becomes visible whole or not at
/// all, and is durable when put returns.
/// Threads: any method, any number of threads.
class ObjectStore {
public:
    virtual ~ObjectStore() = default;

    /// Reads exactly count_bytes from offset_bytes, never fewer.
    /// Fails: not_found; invalid (past the end); unavailable (a retry may help).
    virtual Result<Bytes> read(ObjectName const& name, std::uint64_t offset_bytes,
                               std::uint64_t count_bytes, std::stop_token stop) = 0;
    /// Fails: conflict (if_absent and it exists); exhausted (full); denied; unavailable.
    virtual Result<void> put(ObjectName const& name, ByteView body, PutMode mode,
                             std::stop_token stop) = 0;
    /// Fails: not_found; unavailable.
    virtual Result<ObjectInfo> head(ObjectName const& name, std::stop_token stop) = 0;
    /// Calls `each` for every object whose name starts with `prefix`, in no particular order. Lists
    /// what is there, streaming; an error from `each` ends the listing with it.
    virtual Result<void> list(std::string const& prefix,
                              std::function<Result<void>(ObjectInfo const&)> each,
                              std::stop_token stop) = 0;
    /// Absent is success. Fails: denied; unavailable.
    virtual Result<void> remove(ObjectName const& name, std::stop_token stop) = 0;

    virtual Capabilities capabilities() const = 0;
    /// For people and logs: "local /srv/backups". No secrets.
    virtual std::string describe() const = 0;
    /// The store's clock as it would stamp an object now.
    /// Fails: unavailable.
    virtual Result<Timestamp> now(std::stop_token stop) = 0;

    /// The independent places behind this store, each of which should hold everything: itself for a
    /// simple store, its destinations for a mirror. Valid as long as this store is.
    virtual std::vector<ObjectStore*> legs() { return {this}; }
    /// Names of places that belong to this store and could not be opened: they hold what they held.
    virtual std::vector<std::string> absent_legs() const { return {}; }
};

/// Reads a whole object. Fails as read and head; exhausted when it is larger than max_bytes.
Result<Bytes> read_all(ObjectStore& store, ObjectName const& name, std::uint64_t max_bytes,
                       std::stop_token stop);

}  // namespace perdure::store
