#include <fmt/core.h>

#include <algorithm>

#include "demo/app.h"
#include "demo/database.h"
#include "demo/language.h"
#include "demo/picture.h"

namespace perdure::demo {
namespace {

constexpr char const* schema = R"(
PRAGMA user_version=3; PRAGMA application_id=0x706c6e74;
CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE,
  joined INTEGER NOT NULL);
CREATE TABLE species (id INTEGER PRIMARY KEY, latin_name TEXT NOT NULL UNIQUE, common_name TEXT,
  light TEXT, water_every_days INTEGER);
CREATE TABLE locations (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES owners(id),
  name TEXT NOT NULL);
CREATE TABLE plants (id INTEGER PRIMARY KEY,
  owner_id INTEGER NOT NULL REFERENCES owners(id) ON DELETE CASCADE,
  species_id INTEGER NOT NULL REFERENCES species(id),
  location_id INTEGER REFERENCES locations(id),
  nickname TEXT, notes TEXT, acquired_on TEXT, price REAL, alive BOOLEAN NOT NULL DEFAULT 1,
  parent_id INTEGER REFERENCES plants(id));
CREATE TABLE care_events (id INTEGER PRIMARY KEY,
  plant_id INTEGER NOT NULL REFERENCES plants(id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('water', 'feed', 'repot', 'prune', 'mist')),
  amount_ml REAL, note TEXT, happened_at INTEGER NOT NULL);
CREATE TABLE measurements (plant_id INTEGER NOT NULL REFERENCES plants(id) ON DELETE CASCADE,
  day TEXT NOT NULL,
  height_cm REAL, leaves INTEGER, PRIMARY KEY (plant_id, day)) WITHOUT ROWID;
CREATE TABLE photos (id INTEGER PRIMARY KEY,
  plant_id INTEGER NOT NULL REFERENCES plants(id) ON DELETE CASCADE,
  file TEXT NOT NULL UNIQUE, caption TEXT, taken_at INTEGER);
CREATE TABLE reminders (id INTEGER PRIMARY KEY,
  plant_id INTEGER NOT NULL REFERENCES plants(id) ON DELETE CASCADE,
  due_at INTEGER NOT NULL, text TEXT, done INTEGER NOT NULL DEFAULT 0);
)";

constexpr char const* schema_after_rows = R"(
CREATE INDEX care_by_plant ON care_events(plant_id, happened_at);
CREATE INDEX plants_by_owner ON plants(owner_id) WHERE alive;
CREATE VIEW thirsty AS SELECT p.id, p.nickname, max(c.happened_at) AS watered FROM plants p
  LEFT JOIN care_events c ON c.plant_id = p.id AND c.kind = 'water' GROUP BY p.id;
CREATE TRIGGER plant_died AFTER UPDATE OF alive ON plants WHEN new.alive = 0 BEGIN
  DELETE FROM reminders WHERE plant_id = new.id; END;
)";

struct Species {
    std::string_view latin, common, light;
    std::int64_t days;
};
constexpr Species species[] = {
    {"Monstera deliciosa", "Fensterblatt", "half shade", 8},
    {"Ficus lyrata", "fiddle-leaf fig", "bright", 7},
    {"Crassula ovata", "玉树", "sun", 20},
    {"Olea europaea", "زيتون", "sun", 12},
    {"Epipremnum aureum", "devil's ivy", "shade", 9},
    {"Phalaenopsis × hybrida", "Schmetterlingsorchidee", "bright", 10},
    {"Ocimum basilicum", "basil 🌿", "sun", 2},
};

std::int64_t seconds(Timestamp time) {
    return time.seconds;
}

class PlantApp {
public:
    PlantApp(system::Path folder, SampleOptions const& options, Database database)
        : folder_(std::move(folder)), options_(options), database_(std::move(database)) {
        plants_ = std::max<std::uint64_t>(options.size / 10, 5);
        owners_ = std::max<std::uint64_t>(plants_ / 12, 2);
    }

    Result<void> make(std::stop_token const& stop) {
        PD_CHECK(database_.run(schema));
        PD_CHECK(make_owners());
        PD_CHECK(make_plants(stop));
        PD_CHECK(database_.run(schema_after_rows));
        return database_.finish();
    }

private:
    Result<void> make_owners();
    Result<void> make_plants(std::stop_token const& stop);
    Result<void> make_history(Dice& dice, std::int64_t plant);
    Result<void> make_photo(Dice& dice, std::int64_t plant);

    system::Path folder_;
    SampleOptions options_;
    Database database_;
    std::uint64_t plants_ = 0, owners_ = 0;
    Insert care_, measurement_, photo_, reminder_;
    std::int64_t cares_made_ = 0, photos_made_ = 0;
};

Result<void> PlantApp::make_owners() {
    Dice dice(options_.seed, "plant owners");
    Insert owner = database_.insert_into("owners", 4);
    Insert location = database_.insert_into("locations", 3);
    constexpr std::string_view rooms[] = {"kitchen", "Balkon", "غرفة", "阳台"};
    for (std::uint64_t id = 1; id <= owners_; ++id) {
        Person const person = make_person(dice, id);
        owner.add(static_cast<std::int64_t>(id)).add(person.name);
        if (dice.chance(90))
            owner.add(person.email);
        else
            owner.add_null();
        PD_CHECK(owner.add(seconds(time_before(dice, options_.now, 900))).run());
        for (std::uint64_t i = 0; i < 2; ++i) {
            location.add(static_cast<std::int64_t>(id * 2 - i)).add(static_cast<std::int64_t>(id));
            PD_CHECK(location.add(dice.pick(rooms)).run());
        }
    }
    Insert kind = database_.insert_into("species", 5);
    std::int64_t id = 0;
    for (Species const& one : species)
        PD_CHECK(kind.add(++id).add(one.latin).add(one.common).add(one.light).add(one.days).run());
    return {};
}

Result<void> PlantApp::make_plants(std::stop_token const& stop) {
    Dice dice(options_.seed, "plants");
    Insert plant = database_.insert_into("plants", 10);
    care_ = database_.insert_into("care_events", 6);
    measurement_ = database_.prepare("INSERT OR IGNORE INTO measurements VALUES (?,?,?,?)");
    photo_ = database_.insert_into("photos", 5);
    reminder_ = database_.insert_into("reminders", 5);
    for (std::uint64_t number = 1; number <= plants_; ++number) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        auto const id = static_cast<std::int64_t>(number);
        std::uint64_t const owner = dice.below(owners_) + 1;
        Language const language = pick_language(dice);
        plant.add(id).add(static_cast<std::int64_t>(owner));
        plant.add(static_cast<std::int64_t>(dice.between(1, std::size(species))));
        plant.add(static_cast<std::int64_t>(owner * 2 - dice.below(2)));
        plant.add(make_person(dice, number).name).add(make_remark(dice, language));
        plant.add(to_rfc3339(time_before(dice, options_.now, 1200)).substr(0, 10));
        if (dice.chance(70))
            plant.add(static_cast<double>(dice.between(199, 8999)) / 100);
        else
            plant.add_null();
        plant.add(std::int64_t{!dice.chance(12)});
        if (number > 1 && dice.chance(10))
            plant.add(static_cast<std::int64_t>(dice.below(number - 1) + 1));
        else
            plant.add_null();
        PD_CHECK(plant.run());
        PD_CHECK(make_history(dice, id));
    }
    return {};
}

Result<void> PlantApp::make_history(Dice& dice, std::int64_t plant) {
    constexpr std::string_view kinds[] = {"water", "water", "water", "feed",
                                          "repot", "prune", "mist"};
    for (std::uint64_t i = 0, n = dice.between(3, 14); i < n; ++i) {
        care_.add(++cares_made_).add(plant).add(dice.pick(kinds));
        if (dice.chance(80))
            care_.add(static_cast<double>(dice.between(2, 30)) * 25.0);
        else
            care_.add_null();
        if (dice.chance(25))
            care_.add(make_remark(dice, pick_language(dice)));
        else
            care_.add_null();
        PD_CHECK(care_.add(seconds(time_before(dice, options_.now, 700))).run());
    }
    double height = 5 + 40 * dice.fraction();
    for (std::uint64_t i = 0, n = dice.below(6); i < n; ++i) {
        height += 3 * dice.fraction();
        std::string const day = to_rfc3339(time_before(dice, options_.now, 700)).substr(0, 10);
        measurement_.add(plant).add(day).add(height);
        PD_CHECK(measurement_.add(static_cast<std::int64_t>(dice.between(2, 60))).run());
    }
    if (dice.chance(30)) {
        Timestamp const due = options_.now + std::chrono::seconds(dice.below(20 * 86400));
        reminder_.add(plant)
            .add(plant)
            .add(seconds(due))
            .add("💧 " + make_title(dice, Language::german));
        PD_CHECK(reminder_.add(std::int64_t{dice.chance(50)}).run());
    }
    if (dice.chance(60) && photos_made_ < 10'000) return make_photo(dice, plant);
    return {};
}

Result<void> PlantApp::make_photo(Dice& dice, std::int64_t plant) {
    Timestamp const taken = time_before(dice, options_.now, 700);
    std::int64_t const id = ++photos_made_;
    std::string const file =
        fmt::format("plant {}/{} №{}.jpg", plant, to_rfc3339(taken).substr(0, 10), id);
    auto const width = static_cast<unsigned>(dice.between(10, 50) * 8);
    Bytes const bytes = make_jpeg(dice, {width, width * 3 / 4}, taken);
    PD_CHECK(make_file(folder_ / "photos" / file, bytes, {.mode = 0640, .modified = taken}));
    photo_.add(id).add(plant).add(file).add(make_title(dice, pick_language(dice)));
    return photo_.add(seconds(taken)).run();
}

}  // namespace

Result<void> make_plant_app(system::Path const& folder, SampleOptions const& options,
                            std::stop_token stop) {
    PD_CHECK(system::make_folders(folder / "photos", 0755));
    PD_TRY(Database database, Database::create(folder / "plants.db"));
    return PlantApp(folder, options, std::move(database)).make(stop);
}

}  // namespace perdure::demo
