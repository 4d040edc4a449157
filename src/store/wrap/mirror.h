#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "store/object_store.h"

namespace perdure::store {

/// What a destination holds of a repository.
enum class LegRole {
    whole,      ///< everything: it is a key home
    no_keys,    ///< everything but the keyring
    keys_only,  ///< only its keyring is asked: the others have none
};

struct MirrorLeg {
    std::string name;                    ///< as in the configuration: "disk", "cloud"
    std::shared_ptr<ObjectStore> store;  ///< null: it could not be opened; `error` says why
    std::optional<Error> error;
    LegRole role = LegRole::whole;
};

/// Which of the places behind a store hold its keyring: the one answer for all who change keys,
/// compare destinations or copy between them.
struct KeyPlaces {
    std::vector<ObjectStore*> homes;        ///< those that are open
    std::vector<std::string> absent_homes;  ///< names of those that are not
    /// Open places that are no key homes, as they are: keys of former times are to be seen there.
    std::vector<ObjectStore*> keyless;
};
KeyPlaces key_places(ObjectStore& store);

struct LegHealth {
    std::string name;
    bool degraded = false;
    std::optional<Error> error;  ///< the first thing that went wrong
    std::uint64_t objects_put = 0, bytes_put = 0;
    bool shut_out = false;  ///< what lies there is not of this repository
};

/// One store made of several destinations that should hold the same objects.
///
/// - Existence is per destination. The authority is the first healthy leg: it decides every
///   put-if-absent and is what `list` and `now` speak of. Its answers alone are consistent; a union
///   would promise packs to a leg that lacks them.
/// - put goes to the authority first, then to every other healthy leg, which is asked back whether
///   it keeps a pack. A leg that fails is degraded: it keeps serving reads, and gets nothing more
///   in this session (so no snapshot ever lands on a leg that misses one of its packs). A leg that
///   already holds the name with the same body is fine; with another body it is degraded with
///   conflict. A sync (repository/upkeep/repair) heals legs.
/// - read and head fall back to other legs on every failure but cancelled. A leg that does not
///   answer is degraded too. not_found means that a healthy leg says so and no other leg has it.
/// - remove goes to healthy legs, as put does, and fails when any failed: what a degraded leg holds
///   may rest on what the others need no more, and it was given nothing in its place. Sync follows
///   it there. Leases and pins are taken back from every open leg: nothing rests on those.
/// - What is below keyring/ concerns key homes alone, the rest all but the keys_only; each of the
///   two has the first of its own healthy legs as authority. A leg that only lags behind in packs
///   or snapshots still counts as healthy for keys.
/// Threads: any.
class MirrorStore : public ObjectStore {
public:
    /// Fails: invalid (no legs); unavailable (no leg could be opened).
    static Result<std::shared_ptr<MirrorStore>> create(std::vector<MirrorLeg> legs);

    Result<Bytes> read(ObjectName const& name, std::uint64_t offset_bytes,
                       std::uint64_t count_bytes, std::stop_token stop) override;
    Result<void> put(ObjectName const& name, ByteView body, PutMode mode,
                     std::stop_token stop) override;
    Result<ObjectInfo> head(ObjectName const& name, std::stop_token stop) override;
    Result<void> list(std::string const& prefix,
                      std::function<Result<void>(ObjectInfo const&)> each,
                      std::stop_token stop) override;
    Result<void> remove(ObjectName const& name, std::stop_token stop) override;
    Capabilities capabilities() const override;
    std::string describe() const override;
    Result<Timestamp> now(std::stop_token stop) override;
    /// Those that could be opened, degraded ones included, keys_only ones not.
    std::vector<ObjectStore*> legs() override;
    std::vector<std::string> absent_legs() const override;
    KeyPlaces key_places();

    std::vector<LegHealth> health() const;
    /// Degrades every leg that lacks a pack, index segment, snapshot, or a manifest or addition of
    /// the keyring that the authority has: what the index of the authority calls known would be
    /// missing there, and keys destroyed elsewhere would live there. Legs without a snapshot or
    /// manifest that another has are no authority. Call before the first put.
    Result<void> compare_legs(std::stop_token stop);
    /// Calls `why` for every open leg, by name. Those that it names an error for are not used at
    /// all any more, not even for reading: absent_legs. Call before anything else, from one thread.
    void shut_out(std::function<std::optional<Error>(std::string const&, ObjectStore&)> const& why);
    /// After a leg was healed: it takes part again.
    void restore_leg(std::string const& name);

private:
    enum class Kind { data, keys };  ///< of an object, by its name
    struct Leg {
        MirrorLeg made;
        bool degraded = false;
        bool lags = false;  ///< it is degraded because it lacks data, and no keys
        bool shut_out = false;
        std::optional<Error> error;
        std::uint64_t objects_put = 0, bytes_put = 0;
    };
    explicit MirrorStore(std::vector<MirrorLeg> legs);
    struct Seen;
    static Kind kind_of(std::string_view name);
    static bool holds(Leg const& leg, Kind kind);
    static bool serves(Leg const& leg, Kind kind);
    std::vector<std::size_t> in_order(bool healthy_only, Kind kind) const;
    bool is_healthy(std::size_t leg, Kind kind) const;
    void degrade(std::size_t leg, Error error);
    void lag(std::size_t leg, Error error);
    Result<void> list_kind(Kind kind, std::string const& prefix,
                           std::function<Result<void>(ObjectInfo const&)> const& each,
                           std::stop_token const& stop);
    Result<std::vector<Seen>> look_at_legs(std::stop_token const& stop);
    Result<std::optional<std::size_t>> missing_at(std::size_t leg,
                                                  std::vector<std::string> const& wanted,
                                                  std::vector<std::string> const& names,
                                                  std::stop_token const& stop);
    Result<void> compare_data(Seen const& one, Seen const& authority, std::stop_token const& stop);
    Result<void> compare_keys(Seen const& one, Seen const& authority, std::stop_token const& stop);
    Result<void> put_at(std::size_t leg, ObjectName const& name, ByteView body, PutMode mode,
                        std::stop_token const& stop);
    Result<void> copy_to(std::size_t leg, ObjectName const& name, ByteView body, PutMode mode,
                         std::stop_token const& stop);
    Result<void> compare_keyring(std::size_t leg, std::size_t authority,
                                 std::vector<std::string> const& names,
                                 std::stop_token const& stop);
    template <typename Attempt>
    auto first_that_can(Kind kind, Attempt attempt)
        -> decltype(attempt(std::declval<ObjectStore&>()));

    mutable std::mutex mutex_;
    std::vector<Leg> legs_;
};

}  // namespace perdure::store
