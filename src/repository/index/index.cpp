#include "repository/index/index.h"

#include "crypto/seal.h"
#include "repository/triple.h"
#include "store/kept.h"
#include "system/memory.h"

namespace perdure::repository {
namespace {

constexpr std::string_view folder = "index/";
constexpr std::uint64_t object_bytes_max = 128 << 20;

store::ObjectName name_text(crypto::Digest const& name) {
    return "index/" + to_hex(name);
}

Result<crypto::Digest> parse_name(store::ObjectName const& text) {
    PD_TRY(Bytes bytes, from_hex(std::string_view(text).substr(folder.size())));
    return crypto::Digest::from(bytes);
}

Result<Bytes> open_segment(ByteView object, PackSource const& source) {
    PD_TRY(ObjectHeader header, ObjectHeader::parse(object, ObjectKind::index));
    FrameFacts const facts{source.repository, ObjectKind::index, header.salt};
    return open_directory(*source.common, facts, object.subspan(object_header_bytes));
}

/// Ten million files must stay below 512 MB: past this, pages of the index that are looked at only
/// now and then give way. A backup of what is known keeps them all and never comes here.
constexpr std::uint64_t resident_bytes_max = 384u << 20;
constexpr std::uint32_t touches_a_look = 1024;  // each brings up to 64 KiB back

}  // namespace

Index::Index(IndexOptions options)
    : options_(std::move(options)),
      cache_key_(options_.source.common->meta().derive({as_bytes("index-cache")})) {}

system::Path Index::cache_file(crypto::Digest const& name) const {
    return options_.cache_folder.empty() ? system::Path{}
                                         : options_.cache_folder / "index" / to_hex(name);
}

Result<std::vector<PackName>> Index::list_packs(std::stop_token stop) {
    std::vector<PackName> names;
    PD_CHECK(options_.source.store.list(
        "pack/",
        [&](store::ObjectInfo const& info) -> Result<void> {
            if (auto const name = PackName::parse(info.name)) names.push_back(*name);
            return {};
        },
        std::move(stop)));
    std::unique_lock const lock(mutex_);
    listed_packs_.clear();
    for (PackName const& name : names) listed_packs_.insert(name.hash);
    return names;
}

Result<std::vector<crypto::Digest>> Index::list_segments(std::stop_token stop) {
    std::vector<crypto::Digest> names;
    PD_CHECK(options_.source.store.list(
        std::string(folder),
        [&](store::ObjectInfo const& info) -> Result<void> {
            if (auto const name = parse_name(info.name)) names.push_back(*name);
            return {};
        },
        std::move(stop)));
    return names;
}

Result<std::shared_ptr<Index>> Index::open(IndexOptions options,
                                           std::vector<store::ObjectName>* damaged,
                                           std::stop_token stop) {
    std::shared_ptr<Index> index(new Index(std::move(options)));
    // Without a place for its cache an index is kept in memory: a full or read-only disk of this
    // machine must not keep anybody from restoring.
    system::Path& cache = index->options_.cache_folder;
    if (!cache.empty() && !system::make_folders(cache / "index")) cache.clear();
    // Segments are listed before packs: a pack that a listed segment names was written before it.
    PD_TRY(std::vector<crypto::Digest> const names, index->list_segments(stop));
    PD_TRY([[maybe_unused]] std::vector<PackName> const packs, index->list_packs(stop));
    std::set<crypto::Digest> superseded;
    std::vector<std::shared_ptr<IndexSegment const>> loaded;
    for (crypto::Digest const& name : names) {
        auto segment = index->load(name, stop);
        if (!segment) {
            Fault const fault = segment.error().fault();
            if (fault == Fault::not_found) continue;  // merged away between listing and reading
            if (fault != Fault::corrupt && fault != Fault::exhausted) return segment.error();
            if (damaged != nullptr) damaged->push_back(name_text(name));
            continue;
        }
        superseded.insert((*segment)->supersedes().begin(), (*segment)->supersedes().end());
        loaded.push_back(std::move(*segment));
    }
    for (auto& segment : loaded) {
        if (superseded.contains(segment->name())) {
            index->superseded_.push_back(segment->name());
        } else {
            index->take_in(std::move(segment));
        }
    }
    return index;
}

Result<std::shared_ptr<IndexSegment const>> Index::load(crypto::Digest const& name,
                                                        std::stop_token stop) {
    if (!options_.cache_folder.empty()) {
        if (auto cached = IndexSegment::open(cache_file(name), name, cache_key_)) return cached;
    }
    return fetch(name, stop);
}

Result<std::shared_ptr<IndexSegment const>> Index::fetch(crypto::Digest const& name,
                                                         std::stop_token stop) {
    IndexTables tables;
    auto const take = [&](Bytes const& object) -> Result<void> {
        if (crypto::sha256(object) != name)
            return fail(Fault::corrupt, "index segment " + name_text(name) + " is damaged");
        PD_TRY(Bytes const plain, open_segment(object, options_.source));
        PD_TRY(tables, IndexTables::decode(plain));
        return {};
    };
    auto const text = name_text(name);
    auto const object = store::read_all(options_.source.store, text, object_bytes_max, stop);
    auto const taken = object ? take(*object) : Result<void>(object.error());
    if (!taken) {
        Fault const fault = taken.error().fault();
        bool const damage = fault == Fault::corrupt || fault == Fault::exhausted;
        if (!damage || !read_elsewhere(options_.source.store, text, object_bytes_max, take, stop))
            return taken.error();
    }
    return IndexSegment::make(std::move(tables), name, cache_key_, cache_file(name));
}

/// Every byte of such a segment is as it was written, and yet it does not open: it is of another
/// repository, whose disk was mounted here.
bool Index::is_strange(crypto::Digest const& name, std::stop_token stop) {
    {
        std::shared_lock const lock(mutex_);
        for (Loaded const& loaded : segments_)
            if (loaded.segment->name() == name) return false;
    }
    auto const object =
        store::read_all(options_.source.store, name_text(name), object_bytes_max, std::move(stop));
    return object && crypto::sha256(*object) == name && !open_segment(*object, options_.source);
}

void Index::take_in(std::shared_ptr<IndexSegment const> segment, bool stored) {
    Loaded loaded{std::move(segment), {}, stored};
    for (PackRow const& pack : loaded.segment->packs()) {
        loaded.listed.push_back(listed_packs_.contains(pack.hash));
    }
    segments_.push_back(std::move(loaded));
}

bool Index::knows(BlobId const& id) const {
    BlobPrefix const prefix = prefix_of(id);
    std::shared_lock const lock(mutex_);
    for (Loaded const& loaded : segments_) {
        if (!loaded.segment->may_hold(prefix)) continue;
        note_touch();
        for (IndexEntry const& entry : loaded.segment->find(prefix)) {
            if (!loaded.listed[entry.pack]) continue;
            if (avoided_.empty()) return true;
            if (!avoided_.contains(loaded.segment->packs()[entry.pack].hash)) return true;
        }
    }
    return false;
}

void Index::note_touch() const {
    if (++touches_ % touches_a_look != 0) return;
    if (system::resident_bytes() > resident_bytes_max) let_go_of_pages();
}

void Index::let_go_of_pages() const {
    for (Loaded const& loaded : segments_) loaded.segment->let_go_of_pages();
}

std::vector<Location> Index::copies(BlobId const& id, bool listed) const {
    BlobPrefix const prefix = prefix_of(id);
    std::vector<Location> found;
    std::shared_lock const lock(mutex_);
    for (Loaded const& loaded : segments_) {
        for (IndexEntry const& entry : loaded.segment->find(prefix)) {
            if (loaded.listed[entry.pack] != listed) continue;
            PackRow const& pack = loaded.segment->packs()[entry.pack];
            Location const location{
                pack.name(), pack.salt,        pack.body_bytes, loaded.segment->frame(entry),
                entry.slot,  entry.raw_offset, entry.length,    loaded.stored};
            if (avoided_.contains(pack.hash)) {
                found.push_back(location);
            } else {
                found.insert(found.begin(), location);
            }
        }
    }
    return found;
}

void Index::avoid(std::set<crypto::Digest> packs) {
    std::unique_lock const lock(mutex_);
    avoided_ = std::move(packs);
}

Result<std::shared_ptr<IndexSegment const>> Index::write(IndexTables tables, std::stop_token stop) {
    ObjectSeal seal(options_.source.repository, ObjectKind::index, *options_.random);
    Bytes object = ObjectHeader{.kind = ObjectKind::index, .salt = seal.salt()}.encode();
    seal.seal_directory(*options_.source.common, tables.encode(), object);
    {
        PD_TRY(Bytes const plain, open_segment(object, options_.source));
        PD_TRY(bool const same, tables.are_in(plain));
        if (!same) {
            return fail(Fault::internal, "an index segment does not read back as it was written");
        }
    }
    crypto::Digest const name = crypto::sha256(object);
    PD_CHECK(options_.source.store.put(name_text(name), object, store::PutMode::replace, stop));
    PD_CHECK(store::check_kept(options_.source.store, name_text(name), object.size(), stop));
    object = Bytes();  // tens of megabytes that the cache's form does not need beside it
    return IndexSegment::make(std::move(tables), name, cache_key_, cache_file(name));
}

Result<void> Index::add(IndexTables tables, std::stop_token stop) {
    PD_TRY(std::shared_ptr<IndexSegment const> segment, write(std::move(tables), stop));
    std::unique_lock const lock(mutex_);
    for (PackRow const& pack : segment->packs()) listed_packs_.insert(pack.hash);
    take_in(std::move(segment));
    return {};
}

Result<void> Index::remove_segment(crypto::Digest const& name, std::stop_token stop) {
    PD_CHECK(options_.source.store.remove(name_text(name), stop));
    if (!options_.cache_folder.empty()) (void)system::remove_file(cache_file(name));
    return {};
}

std::vector<PackRow> Index::rows(bool listed) const {
    std::map<crypto::Digest, PackRow> found;
    std::shared_lock const lock(mutex_);
    for (Loaded const& loaded : segments_) {
        for (std::size_t p = 0; p < loaded.listed.size(); ++p) {
            PackRow const& pack = loaded.segment->packs()[p];
            if (loaded.listed[p] == listed) found.emplace(pack.hash, pack);
        }
    }
    std::vector<PackRow> rows;
    for (auto const& [hash, row] : found) rows.push_back(row);
    return rows;
}

void Index::for_each(
    std::function<void(PackRow const&, FrameRow const&, IndexEntry const&)> each) const {
    std::vector<Loaded> segments;  // a copy: `each` may look things up
    {
        std::shared_lock const lock(mutex_);
        segments = segments_;
    }
    for (Loaded const& loaded : segments) {
        for (IndexEntry const& entry : loaded.segment->entries()) {
            if (!loaded.listed[entry.pack]) continue;
            each(loaded.segment->packs()[entry.pack], loaded.segment->frame(entry), entry);
        }
    }
}

std::uint64_t Index::entry_count() const {
    std::shared_lock const lock(mutex_);
    std::uint64_t count = 0;
    for (Loaded const& loaded : segments_) count += loaded.segment->entries().size();
    return count;
}

std::size_t Index::segment_count() const {
    std::shared_lock const lock(mutex_);
    return segments_.size();
}

}  // namespace perdure::repository
