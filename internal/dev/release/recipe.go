package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/template"

	"go.yaml.in/yaml/v4"
)

// project begins the name of every file of a release.
const project = "terraform-provider-smtp"

// platform is one that a release is built for, in the words of Go and of the registries.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "_" + p.arch }

// executable is what the registries want the one for p in its archive to be called.
func (p platform) executable(version string) string {
	name := project + "_v" + version
	if p.os == "windows" {
		name += ".exe"
	}
	return name
}

// archive is what they want the archive to be called.
func (p platform) archive(version string) string {
	return project + "_" + version + "_" + p.String() + ".zip"
}

func manifestName(version string) string { return project + "_" + version + "_manifest.json" }

func sumsName(version string) string { return project + "_" + version + "_SHA256SUMS" }

// recipe is how the executables are built. It is GoReleaser's.
type recipe struct {
	env, flags, ldflags []string
	arm                 string
	platforms           []platform
}

// readRecipe reads it out of .goreleaser.yml in the folder root.
func readRecipe(root string) (recipe, error) {
	path := filepath.Join(root, ".goreleaser.yml")
	text, err := os.ReadFile(path)
	if err != nil {
		return recipe{}, err
	}
	var config struct {
		Builds []struct {
			Env, Flags, LDFlags []string
			GOOS, GOARCH, GOARM []string
			Ignore              []struct{ GOOS, GOARCH string }
		}
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return recipe{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(config.Builds) != 1 || len(config.Builds[0].GOARM) != 1 {
		return recipe{}, fmt.Errorf("%s: want one build, with one goarm", path)
	}
	b := config.Builds[0]
	r := recipe{env: b.Env, flags: b.Flags, ldflags: b.LDFlags, arm: b.GOARM[0]}
	for _, system := range b.GOOS {
		for _, arch := range b.GOARCH {
			if !slices.Contains(b.Ignore, struct{ GOOS, GOARCH string }{system, arch}) {
				r.platforms = append(r.platforms, platform{system, arch})
			}
		}
	}
	return r, nil
}

// named returns the platforms of the recipe with these names, such as "linux_amd64".
func (r recipe) named(names []string) ([]platform, error) {
	var found []platform
	for _, name := range names {
		i := slices.IndexFunc(r.platforms, func(p platform) bool { return p.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("%s is none of %v", name, r.platforms)
		}
		found = append(found, r.platforms[i])
	}
	return found, nil
}

// arguments are those of go for a version.
func (r recipe) arguments(version string) ([]string, error) {
	args := append([]string{"build"}, r.flags...)
	for _, text := range r.ldflags {
		t, err := template.New("ldflags").Parse(text)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, struct{ Version string }{version}); err != nil {
			return nil, err
		}
		args = append(args, "-ldflags="+b.String())
	}
	return args, nil
}
