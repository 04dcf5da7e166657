package diagnosis
import ("testing";"strings";"regexp";"fmt"
"github.com/sitemail/terraform-provider-smtp/internal/site"
"github.com/sitemail/terraform-provider-smtp/internal/presets"
)
var exreply = regexp.MustCompile(`^(\d{3})[ -](?:(\d\.\d+\.\d+) )?(.*)$`)
func TestEx(t *testing.T){
 for _,row:=range Rows(){
  if row.Example=="" {continue}
  s:=site.Settings{Host:"mail.example.com"}
  if len(row.Presets)>0 { p,_:=presets.ByID(row.Presets[0]); s=site.Settings{Host:p.Host,Port:p.Port,Encryption:p.Encryption} }
  r:=site.TestResult{Status:site.Failed,Stage:row.Stage}
  if m:=exreply.FindStringSubmatch(row.Example); m!=nil { c:=0; fmt.Sscan(m[1],&c); r.Reply=&site.Reply{Code:c,EnhancedCode:m[2],Text:m[3]} } else { r.Error=row.Example }
  got:=Of(r,s)
  if got.ID!=row.ID || got.Attribute!=row.Attribute { t.Log(row.ID,row.Attribute,"->",got.ID,got.Attribute) }
 }
 _=strings.ToLower
}
func BenchmarkOf(b *testing.B){
 r:=site.TestResult{Status:site.Failed,Stage:site.StageData,Reply:&site.Reply{Code:550,Text:strings.Repeat("no such thing as a blocked user in the spam list ",100)}}
 Of(r,site.Settings{})
 b.ReportAllocs()
 for b.Loop(){ Of(r,site.Settings{Host:"smtp.example.com"}) }
}
func BenchmarkHostile(b *testing.B){
 r:=site.TestResult{Status:site.Failed,Stage:site.StageData,Reply:&site.Reply{Code:553,Text:strings.Repeat("x",100000)}}
 b.ReportAllocs()
 for b.Loop(){ Of(r,site.Settings{Host:"smtp.example.com"}) }
}
func BenchmarkLoad(b *testing.B){ for b.Loop(){ loadTable() } }
