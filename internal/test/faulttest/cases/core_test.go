package cases_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/sitemail/terraform-provider-smtp/internal/provider"
)

const resourceType = "smtp_settings"

// core simulates Terraform Core for one resource: it plans, applies and stores the state, with a new provider for each walk. What Core
// would report as a bug in the provider fails the test.
type core struct {
	t     *testing.T
	start func() tfprotov6.ProviderServer
	// provider and resource are the schemas.
	provider, resource *tfprotov6.Schema

	state held
	// seen is everything that a provider returned and that is stored or shown.
	seen [][]byte
}

// held is the resource in a state. A null value means that there is none.
type held struct {
	value    tftypes.Value
	private  []byte
	identity *tfprotov6.ResourceIdentityData
}

// arguments are the arguments of a configuration. Omitted ones are null.
type arguments map[string]any

// configuration is a user's configuration. A nil resource means that its block was removed.
type configuration struct{ provider, resource arguments }

// run is the result of one "terraform apply".
type run struct {
	// action is the planned action: "create", "update", "replace", "delete" or "no-op"; empty if the plan failed.
	action           string
	errors, warnings []*tfprotov6.Diagnostic
}

func (r run) failed() bool { return len(r.errors) > 0 }

func newCore(t *testing.T, dial func(context.Context, string, string) (net.Conn, error)) *core {
	t.Helper()
	c := &core{t: t, start: provider.NewServer(dial, "test")}
	schemas, err := c.start().GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	c.provider, c.resource = schemas.Provider, schemas.ResourceSchemas[resourceType]
	c.state.value = tftypes.NewValue(c.resource.ValueType(), nil)
	return c
}

// apply is "terraform apply": validate, refresh and plan in one walk, then the change in another.
func (c *core) apply(config configuration) run {
	c.t.Helper()
	var r run
	wanted := c.object(c.resource, config.resource)
	planned := c.look(&r, config, wanted)
	if r.failed() || r.action == "no-op" {
		return r
	}
	walk := c.walk(&r, config)
	if r.failed() {
		return r
	}
	if r.action == "replace" {
		c.change(&r, walk, change{prior: c.state, config: c.null(), planned: c.null(), private: planned.private, identity: c.state.identity})
		if r.failed() {
			return r
		}
	}
	again := c.planChange(&r, walk, wanted)
	if r.failed() {
		return r
	}
	c.agree(planned.planned, again.planned, "inconsistent final plan")
	c.change(&r, walk, again)
	return r
}

// plan is "terraform plan".
func (c *core) plan(config configuration) run {
	c.t.Helper()
	var r run
	c.look(&r, config, c.object(c.resource, config.resource))
	return r
}

func (c *core) look(r *run, config configuration, wanted tftypes.Value) change {
	c.t.Helper()
	if !wanted.IsNull() {
		resp, err := c.start().ValidateResourceConfig(c.t.Context(), &tfprotov6.ValidateResourceConfigRequest{
			TypeName: resourceType, Config: c.wire(wanted),
			ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true},
		})
		c.collect(r, err, resp.Diagnostics)
		if r.failed() {
			return change{}
		}
	}
	walk := c.walk(r, config)
	if r.failed() {
		return change{}
	}
	c.refresh(r, walk)
	if r.failed() {
		return change{}
	}
	planned := c.planChange(r, walk, wanted)
	if r.failed() {
		return change{}
	}
	switch {
	case planned.replace:
		r.action = "replace"
	case c.state.value.IsNull() && wanted.IsNull(), planned.planned.Equal(c.state.value):
		r.action = "no-op"
	case c.state.value.IsNull():
		r.action = "create"
	case wanted.IsNull():
		r.action = "delete"
	default:
		r.action = "update"
	}
	return planned
}

// walk starts a provider and configures it.
func (c *core) walk(r *run, config configuration) tfprotov6.ProviderServer {
	c.t.Helper()
	server := c.start()
	resp, err := server.ConfigureProvider(c.t.Context(), &tfprotov6.ConfigureProviderRequest{Config: c.wire(c.object(c.provider, config.provider))})
	c.collect(r, err, resp.Diagnostics)
	return server
}

func (c *core) refresh(r *run, walk tfprotov6.ProviderServer) {
	c.t.Helper()
	if c.state.value.IsNull() {
		return
	}
	resp, err := walk.ReadResource(c.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: resourceType, CurrentState: c.wire(c.state.value), Private: c.state.private, CurrentIdentity: c.state.identity,
	})
	c.collect(r, err, resp.Diagnostics)
	if r.failed() {
		return
	}
	c.keep(held{c.decode(resp.NewState), resp.Private, resp.NewIdentity})
}

// change is a planned change.
type change struct {
	prior           held
	config, planned tftypes.Value
	private         []byte
	identity        *tfprotov6.ResourceIdentityData
	replace         bool
}

// planChange plans a change from the state to the wanted value, which is null for no resource.
func (c *core) planChange(r *run, walk tfprotov6.ProviderServer, wanted tftypes.Value) change {
	c.t.Helper()
	if wanted.IsNull() && c.state.value.IsNull() {
		return change{planned: wanted}
	}
	planned := c.ask(r, walk, c.state, wanted)
	if !planned.replace || r.failed() {
		return planned
	}
	created := c.ask(r, walk, held{c.null(), planned.private, c.state.identity}, wanted)
	created.replace = true
	return created
}

func (c *core) ask(r *run, walk tfprotov6.ProviderServer, prior held, wanted tftypes.Value) change {
	c.t.Helper()
	resp, err := walk.PlanResourceChange(c.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: resourceType, PriorState: c.wire(prior.value), ProposedNewState: c.wire(c.propose(prior.value, wanted)),
		Config: c.wire(wanted), PriorPrivate: prior.private, PriorIdentity: prior.identity,
	})
	c.collect(r, err, resp.Diagnostics)
	if r.failed() {
		return change{}
	}
	planned := c.decode(resp.PlannedState)
	c.withoutSecrets(planned, "plan")
	c.seen = append(c.seen, resp.PlannedState.MsgPack, resp.PlannedPrivate)
	return change{prior, wanted, planned, resp.PlannedPrivate, resp.PlannedIdentity, len(resp.RequiresReplace) > 0}
}

// change applies a planned change, and stores what Core would store.
func (c *core) change(r *run, walk tfprotov6.ProviderServer, planned change) {
	c.t.Helper()
	resp, err := walk.ApplyResourceChange(c.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: resourceType, PriorState: c.wire(planned.prior.value), PlannedState: c.wire(planned.planned),
		Config: c.wire(planned.config), PlannedPrivate: planned.private, PlannedIdentity: planned.identity,
	})
	c.collect(r, err, resp.Diagnostics)
	now := c.decode(resp.NewState)
	c.withoutSecrets(now, "state")
	switch {
	case !now.IsFullyKnown():
		c.t.Errorf("the new state is not fully known: %s", now)
	case r.failed() && planned.prior.value.IsNull() && !now.IsNull():
		c.t.Error("I9: a failed creation left a state, which Terraform marks as tainted")
	case r.failed() && !planned.prior.value.IsNull() && now.IsNull():
		c.t.Error("a failed change dropped the resource from the state")
	case !r.failed():
		c.agree(planned.planned, now, "inconsistent result after apply")
	}
	c.keep(held{now, resp.Private, resp.NewIdentity})
}

func (c *core) keep(state held) {
	c.state = state
	c.seen = append(c.seen, c.wire(state.value).MsgPack, state.private)
	if state.value.IsNull() {
		c.state = held{value: c.null()}
	}
}

// agree checks that the result has every value that was known in the plan.
func (c *core) agree(planned, now tftypes.Value, otherwise string) {
	c.t.Helper()
	if planned.IsNull() != now.IsNull() {
		c.t.Errorf("provider produced %s: null %t, then %t", otherwise, planned.IsNull(), now.IsNull())
		return
	}
	err := tftypes.Walk(planned, func(at *tftypes.AttributePath, was tftypes.Value) (bool, error) {
		if !was.IsKnown() || len(at.Steps()) == 0 {
			return was.IsKnown(), nil
		}
		is, _, err := tftypes.WalkAttributePath(now, at)
		if value, ok := is.(tftypes.Value); err != nil || !ok || was.IsFullyKnown() && !value.Equal(was) {
			return false, fmt.Errorf("%s: %v, then %v", at, was, is)
		}
		return true, nil
	})
	if err != nil {
		c.t.Errorf("provider produced %s: %v", otherwise, err)
	}
}

// withoutSecrets checks that write-only values occur only in the configuration.
func (c *core) withoutSecrets(value tftypes.Value, where string) {
	c.t.Helper()
	for _, a := range c.resource.Block.Attributes {
		if value.IsNull() {
			continue
		}
		given := attribute(value, a.Name)
		if a.WriteOnly && !given.IsNull() || a.NestedType != nil && !given.Equal(withoutWriteOnly(a, given)) {
			c.t.Errorf("I8: %s has a value in the %s", a.Name, where)
		}
	}
}

// propose merges configuration and prior state: computed values that are not configured stay unchanged.
func (c *core) propose(prior, wanted tftypes.Value) tftypes.Value {
	if wanted.IsNull() {
		return wanted
	}
	values := attributes(wanted)
	for _, a := range c.resource.Block.Attributes {
		switch {
		case a.WriteOnly:
			values[a.Name] = tftypes.NewValue(a.ValueType(), nil)
		case a.Computed && values[a.Name].IsNull() && !prior.IsNull():
			values[a.Name] = attribute(prior, a.Name)
		case a.NestedType != nil:
			values[a.Name] = withoutWriteOnly(a, values[a.Name])
		}
	}
	return tftypes.NewValue(c.resource.ValueType(), values)
}

// withoutWriteOnly is the value of an attribute that is an object, without its write-only members.
func withoutWriteOnly(a *tfprotov6.SchemaAttribute, value tftypes.Value) tftypes.Value {
	if value.IsNull() || !value.IsKnown() {
		return value
	}
	members := attributes(value)
	for _, member := range a.NestedType.Attributes {
		if member.WriteOnly {
			members[member.Name] = tftypes.NewValue(member.ValueType(), nil)
		}
	}
	return tftypes.NewValue(value.Type(), members)
}

func (c *core) shown() []byte { return bytes.Join(c.seen, []byte("\n")) }

func (c *core) collect(r *run, err error, diagnostics []*tfprotov6.Diagnostic) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, d := range diagnostics {
		c.seen = append(c.seen, []byte(d.Summary+"\n"+d.Detail))
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			r.errors = append(r.errors, d)
		} else {
			r.warnings = append(r.warnings, d)
		}
	}
}

func (c *core) null() tftypes.Value { return tftypes.NewValue(c.resource.ValueType(), nil) }

func (c *core) wire(value tftypes.Value) *tfprotov6.DynamicValue {
	c.t.Helper()
	encoded, err := tfprotov6.NewDynamicValue(value.Type(), value)
	if err != nil {
		c.t.Fatal(err)
	}
	return &encoded
}

func (c *core) decode(value *tfprotov6.DynamicValue) tftypes.Value {
	c.t.Helper()
	decoded, err := value.Unmarshal(c.resource.ValueType())
	if err != nil {
		c.t.Fatal(err)
	}
	return decoded
}

// object is a configuration of the schema; nil arguments are none.
func (c *core) object(schema *tfprotov6.Schema, given arguments) tftypes.Value {
	kind, _ := schema.ValueType().(tftypes.Object)
	if given == nil {
		return tftypes.NewValue(kind, nil)
	}
	return filled(kind, given)
}

// filled gives arguments the types of the schema, whatever their depth.
func filled(kind tftypes.Type, given any) tftypes.Value {
	switch kind := kind.(type) {
	case tftypes.Object:
		values := map[string]tftypes.Value{}
		own, ok := given.(arguments)
		for name, of := range kind.AttributeTypes {
			values[name] = filled(of, own[name])
		}
		if !ok {
			return tftypes.NewValue(kind, nil)
		}
		return tftypes.NewValue(kind, values)
	case tftypes.Map:
		own, ok := given.(arguments)
		values := map[string]tftypes.Value{}
		for name, value := range own {
			values[name] = filled(kind.ElementType, value)
		}
		if !ok {
			return tftypes.NewValue(kind, nil)
		}
		return tftypes.NewValue(kind, values)
	}
	return tftypes.NewValue(kind, given)
}

func attributes(object tftypes.Value) map[string]tftypes.Value {
	values := map[string]tftypes.Value{}
	_ = object.As(&values)
	return maps.Clone(values)
}

func attribute(object tftypes.Value, name string) tftypes.Value { return attributes(object)[name] }
